/** An `llm-agent` in a Node-RED of its own, between a caller who hears what the test says and a simulated model. */
import assert from 'node:assert/strict';
import type { NodeAPI } from 'node-red';
import type { Call } from '../../nodes/call/call';
import { registry } from '../../nodes/call/heart';
import { nextMessageId } from '../../nodes/call/message';
import type { UtteranceKind, VoiceMessage, Word } from '../../nodes/call/message';
import agentNode from '../../nodes/agent/llm-agent';
import accountNode from '../../nodes/openai/openai-account';
import { OpenAiSimulator } from '../../simulators/openai';
import type { OpenAiRequest } from '../../simulators/openai';
import { LoneCarrier } from '../unit/call/lone-call';
import { until } from '../unit/call/utterance';
import { catchNode, helper } from './agent-red';

export const APOLOGY = 'Sorry, I am having trouble right now. Could you say that again?';

/** What was written of one utterance. */
export interface Spoken {
  id: string;
  kind: UtteranceKind;
  interruptible: boolean;
  text: string;
  done: boolean;
}

/** Payload of `turn`, as far as the tests look at it. */
export interface TurnTold {
  user: string;
  agent: { heard: string; cut: boolean };
  dropped?: boolean;
  error?: { provider: string; cause: string };
}

/** What Catch is told. */
export interface Caught {
  provider: string;
  cause: string;
  payload: unknown;
  error: { message: string };
  call: { id: string };
}

export class AgentStage {
  readonly simulator = new OpenAiSimulator({ firstTokenMs: 2, tokenMs: 0 });
  got: VoiceMessage[] = [];
  caught: Caught[] = [];
  call!: Call;
  carrier = new LoneCarrier();
  /** Pieces of audio of each utterance. */
  private readonly pieces = new Map<string, number>();
  /** The address and key of the account; by default the simulator's. */
  account: { baseUrl?: string; apiKey?: string } = {};

  async set(): Promise<void> {
    await this.simulator.start();
    await new Promise<void>((resolve) => helper.startServer(resolve));
  }

  async strike(): Promise<void> {
    for (const one of registry.all()) one.end('caller-hangup');
    await helper.unload();
    await new Promise<void>((resolve) => helper.stopServer(() => resolve()));
    await this.simulator.close();
  }

  /** Deploys an agent, and others beside it; a call comes in and is live. */
  async load(config: object = {}, more: object[] = [], nodes: ((RED: NodeAPI) => void)[] = []): Promise<void> {
    await this.deploy(config, more, nodes);
    this.ring();
    this.call.streamOpened();
  }

  async deploy(config: object = {}, more: object[] = [], nodes: ((RED: NodeAPI) => void)[] = []): Promise<void> {
    const { baseUrl = this.simulator.url, apiKey = 'simulator-key' } = this.account;
    const flow = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'acc', type: 'openai-account', baseUrl },
      {
        ...{ id: 'agent', z: 'tab', type: 'llm-agent', account: 'acc', api: 'responses', greeting: '' },
        ...{ wires: [['out'], ['out'], ['out']], ...config },
      },
      { id: 'out', z: 'tab', type: 'helper' },
      { id: 'catcher', z: 'tab', type: 'catch', wires: [['errors']] },
      { id: 'errors', z: 'tab', type: 'helper' },
      ...more,
    ];
    await helper.load([accountNode, agentNode, catchNode, ...nodes], flow, { acc: { apiKey } });
    helper.getNode('out').on('input', (msg) => {
      if ((msg as VoiceMessage).call.id === this.call.info.id) this.got.push(msg as VoiceMessage);
    });
    helper.getNode('errors').on('input', (msg) => this.caught.push(msg as Caught));
  }

  /** A call is offered: nobody can be heard yet. */
  ring(): void {
    this.carrier = new LoneCarrier();
    this.call = registry.open(
      {
        ...{ id: `call-${nextMessageId()}`, carrier: 'fake', direction: 'inbound', from: '+15550001', to: '+15550002' },
        ...{ startedAt: Date.now(), parameters: {}, media: { encoding: 'mulaw', sampleRate: 8000 } },
      },
      this.carrier,
      'in',
      () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' }),
    );
  }

  send(topic: string, payload: unknown, more: object = {}, to = 'agent'): void {
    helper.getNode(to).receive({ _msgid: nextMessageId(), topic, payload, call: { ...this.call.info }, ...more });
  }

  /** As an in-node does: the event happens in the call, and goes down the wire. */
  leave(): void {
    this.call.leave('+15559999');
    this.send('call.away', { to: '+15559999' });
  }

  comeBack(reason = 'busy'): void {
    this.call.streamOpened();
    this.send('call.resumed', { reason, to: '+15559999' });
  }

  of(topic: string): VoiceMessage[] {
    return this.got.filter((msg) => msg.topic === topic);
  }

  get turns(): TurnTold[] {
    return this.of('turn').map(({ payload }) => payload as TurnTold);
  }

  /** The whole texts that were written, in order. */
  get spoken(): Spoken[] {
    const all = new Map<string, Spoken>();
    for (const { utterance, payload } of this.of('reply')) {
      if (!utterance) continue;
      const { id, kind, interruptible, done } = utterance;
      const text = (all.get(id)?.text ?? '') + String(payload);
      all.set(id, { id, kind, interruptible, text, done });
    }
    return [...all.values()];
  }

  /** The n-th text, from 0, when it has been written. */
  async said(n: number): Promise<Spoken> {
    await until(`text ${n}`, () => this.spoken.filter(({ done }) => done).length > n, 4_000);
    const spoken = this.spoken[n];
    assert.ok(spoken);
    return spoken;
  }

  async asked(count: number): Promise<OpenAiRequest> {
    await until(`${count} requests`, () => this.requests.length >= count);
    const request = this.requests[count - 1];
    assert.ok(request);
    return request;
  }

  get requests(): OpenAiRequest[] {
    return this.simulator.requests;
  }

  /** What the model was shown. */
  texts(index: number): string[] {
    return (this.requests[index]?.messages ?? []).filter(({ role }) => role !== 'developer').map(({ text }) => text);
  }

  /** As a TTS and the phone would: the caller has heard these words of an utterance, and more is to come. */
  beginToHear(id: string, ...heard: string[]): void {
    const words: Word[] = heard.map((text, i) => ({ text, startMs: i * 10, endMs: i * 10 + 10 }));
    words.push({ text: 'never', startMs: 600_000, endMs: 600_500 });
    this.audio(id, Buffer.alloc(16_000, 1), words, false);
    const [mark] = this.carrier.marks.splice(0, 1);
    assert.ok(mark !== undefined, 'it is the first in the line');
    this.call.playback.echo(mark);
  }

  /** Likewise: heard to its end. */
  hearOut(id: string): void {
    this.audio(id, Buffer.alloc(1_600, 1), [], true);
    for (const mark of this.carrier.marks.splice(0)) this.call.playback.echo(mark);
  }

  private audio(id: string, audio: Buffer, words: Word[], done: boolean): void {
    const record = this.call.playback.record(id);
    assert.ok(record, 'it is open');
    const { kind, interruptible } = record;
    const seq = this.pieces.get(id) ?? 0;
    this.pieces.set(id, seq + 1);
    this.call.playback.addAudio({ id, by: 'agent', kind, seq, done, interruptible }, audio, words, 'tts');
  }

  /** All that is to be said is heard to its end, until nobody has anything to say. */
  async playOut(): Promise<void> {
    let silent = false;
    void this.call.whenSilent(6_000).then(() => (silent = true));
    while (!silent) {
      const [head] = this.call.playback.open;
      if (head && (this.spoken.find(({ id }) => id === head.id)?.done ?? true)) this.hearOut(head.id);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(this.call.playback.busy, false);
  }

  /** What another node says in this call. */
  open(id: string, text: string, more: { kind?: UtteranceKind; interruptible?: boolean; by?: string } = {}): void {
    const { kind = 'prompt', interruptible = true, by = 'another' } = more;
    this.call.playback.openUtterance({ id, kind, interruptible }, by);
    this.call.playback.addText(id, text, 'tts');
  }

  /** Whatever was under way before this has come: the wires, and what was asked of the model. */
  async settled(): Promise<void> {
    for (let i = 0; i < 3; i++) await (await fetch(this.simulator.url)).arrayBuffer();
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}
