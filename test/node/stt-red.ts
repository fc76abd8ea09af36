/** A small Node-RED around one node of speech-to-text: what it is sent, what it sends, what Catch hears. */
import { createRequire } from 'node:module';
import type { Node, NodeAPI } from 'node-red';
import type { CarrierControl } from '../../nodes/call/carrier/control';
import type { Call } from '../../nodes/call/call';
import { registry } from '../../nodes/call/heart';
import type { VoiceMessage } from '../../nodes/call/message';
import { nextMessageId } from '../../nodes/call/message';
import { silence, speakWords } from '../../simulators/audio';

interface TestHelper {
  init(runtime: string): void;
  load(nodes: unknown[], flow: unknown[], credentials: Record<string, unknown>): Promise<void>;
  unload(): Promise<void>;
  getNode(id: string): Node;
}

const requireHere = createRequire(__filename);
/** It brings no types. */
const helper = requireHere('node-red-node-test-helper') as TestHelper;
const catchNode: unknown = requireHere('@node-red/nodes/core/common/25-catch.js');

/** What a file of nodes exports. */
export type NodeSet = (RED: NodeAPI) => void;

export interface CaughtMessage extends VoiceMessage {
  error: { message: string };
  provider?: string;
  cause?: string;
}

let calls = 0;

export class SttRed {
  out: VoiceMessage[] = [];
  caught: CaughtMessage[] = [];
  private waiting: (() => void)[] = [];

  /** @param sets the account's and the node's; `type` is the node's, its account's begins with the same word */
  constructor(
    private readonly sets: NodeSet[],
    private readonly type: string,
  ) {
    helper.init(requireHere.resolve('node-red'));
  }

  async load(baseUrl: string, config: Record<string, unknown>, apiKey: string): Promise<Node> {
    this.out = [];
    this.caught = [];
    const account = this.type.replace('-stt', '-account');
    const flow = [
      { id: 'tab', type: 'tab' },
      { id: 'account', type: account, name: '', baseUrl },
      { id: 'stt', z: 'tab', type: this.type, account: 'account', wires: [['out']], ...config },
      { id: 'out', z: 'tab', type: 'helper' },
      { id: 'catcher', z: 'tab', type: 'catch', scope: null, x: 1, y: 1, wires: [['errors']] },
      { id: 'errors', z: 'tab', type: 'helper' },
    ];
    await helper.load([...this.sets, catchNode], flow, { account: { apiKey } });
    helper.getNode('out').on('input', (msg) => {
      this.out.push(msg as unknown as VoiceMessage);
      this.wake();
    });
    helper.getNode('errors').on('input', (msg) => {
      this.caught.push(msg as unknown as CaughtMessage);
      this.wake();
    });
    return helper.getNode('stt');
  }

  async unload(): Promise<void> {
    for (const call of registry.all()) call.end('shutdown');
    await helper.unload();
  }

  /** Resolves when a condition holds: looked at with each message, and now and then for what no message tells. */
  async when(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        setTimeout(resolve, 20);
      });
    }
  }

  topics(): string[] {
    return this.out.map(({ topic }) => topic);
  }

  of(topic: string): VoiceMessage[] {
    return this.out.filter((msg) => msg.topic === topic);
  }

  private wake(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }
}

/** A call as twilio-in would open it. */
export function ring(): Call {
  const nothing = (): void => undefined;
  const none = (): Promise<void> => Promise.resolve();
  const carrier = {
    name: 'twilio',
    connected: true,
    control: {} as CarrierControl,
    play: nothing,
    mark: nothing,
    clear: nothing,
    dispose: nothing,
  };
  const call = registry.open(
    {
      id: `CA${++calls}`,
      carrier: 'twilio',
      direction: 'inbound',
      from: '+15550001',
      to: '+15550002',
      startedAt: Date.now(),
      parameters: {},
      media: { encoding: 'mulaw', sampleRate: 8000 },
    },
    { ...carrier, hangUp: none, say: none },
    'twilio-in',
    () => ({ maxDurationMs: 1e6, silenceMs: 1e6, goodbye: '' }),
  );
  call.streamOpened();
  return call;
}

export function send(node: Node, call: Call, topic: string, payload: unknown, more: Partial<VoiceMessage> = {}): void {
  const msg = { _msgid: nextMessageId(), topic, payload, call: structuredClone(call.info), ...more };
  node.receive(msg);
}

/** Streams audio in real time, as a carrier does. */
export async function stream(node: Node, call: Call, audio: Buffer, more: Partial<VoiceMessage> = {}): Promise<void> {
  let next = performance.now();
  for (let at = 0; at < audio.length; at += 160) {
    const event = { seq: call.nextSeq(), atMs: call.now() };
    send(node, call, 'audio', Buffer.from(audio.subarray(at, at + 160)), { event, ...more });
    next += 20;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
}

export function say(text: string, pauseMs = 600): Buffer {
  return Buffer.concat([speakWords(text).audio, silence(pauseMs)]);
}
