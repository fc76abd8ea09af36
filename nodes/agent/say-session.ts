import type { Call } from '../call/call';
import { slotOf } from '../call/lifecycle';
import { flowFields, isOurTopic, isRecord, readTiming } from '../call/message';
import type { PlaybackEnd, Timing, UtteranceInfo, VoiceMessage } from '../call/message';
import type { NodeSlot } from '../call/node-slot';
import type { PlaybackRecord } from '../call/playback';
import { Session } from '../call/session';
import type { Verdict } from '../call/session';
import { SettingError } from '../call/settings';
import { fill } from '../call/template';
import { MAX_CHARACTERS } from '../call/tts/relay';
import type { SaySettings } from './say-settings';
import { interruptedByWords } from './turn-taking';
import { UtteranceWriter } from './utterance';
import type { UtteranceHost } from './utterance';

/** Where nobody else decides, the caller's first words stop what may be stopped: a cough does not. */
const BARGE_IN = { mode: 'words', words: 1 } as const;

/** Words of the caller, final or not. */
const WORDS = new Set(['transcript.partial', 'transcript.eager', 'transcript']);

/** Why a text was not heard by anybody: the caller is with somebody else, or gone. */
const NOBODY = new Set<unknown>(['away', 'call-ended']);

/** A text that was asked for and of which nothing has been told yet. */
interface Asked {
  text: string;
  flow: Readonly<Record<string, unknown>>;
}

/** What the playback tells of its end. */
type Told = Pick<PlaybackRecord, 'id' | 'state' | 'heardText' | 'heardMs' | 'reason'>;

/** What came of it: the payload of `said`. */
export interface Said {
  text: string;
  /** What the caller heard of it, in whole words that were begun. */
  heard: string;
  heardMs: number;
  /** It was not heard to its end. */
  cut: boolean;
  reason?: PlaybackEnd;
  utteranceId: string;
}

/** What an `agent-say` keeps for one call: what it speaks, until that has been heard. */
export class SaySession extends Session<SaySettings> implements UtteranceHost {
  /** By utterance; no more of them than a call can have open. */
  private readonly asked = new Map<string, Asked>();
  private begun = false;
  private early = false;

  constructor(call: Call, slot: NodeSlot<SaySettings>) {
    super(call, slot);
    this.onDispose(
      call.tapPlayback(
        this.guard((topic, record) => {
          if (topic !== 'playback.started') this.tell(record);
        }),
      ),
    );
    this.showCalls(slot.sessions.size + 1);
  }

  get nodeId(): string {
    return this.slot.id;
  }

  receive(msg: VoiceMessage): Verdict {
    const { topic } = msg;
    // The agent's goes on to be played; the caller's ends here.
    if (topic === 'audio') return msg.utterance ? 'pass' : 'taken';
    if (WORDS.has(topic)) this.onWords(msg.payload);
    if (this.settings.when === 'start') {
      if (topic !== 'call.started') return 'pass';
      // The event first: what follows in the flow learns of the call before it is to speak.
      this.send(0, msg);
      this.begin(msg);
      return 'taken';
    }
    if (!this.isTrigger(msg)) return 'pass';
    const taken = topic === 'transcript' || !isOurTopic(topic);
    // Something that happened goes on, whether there is anything to say about it or not.
    if (!taken) this.send(0, msg);
    this.say(this.textFor(msg), readTiming(msg.timing), flowFields(msg));
    return 'taken';
  }

  /**
   * The call has started: speaks, once, where the node is set so.
   * @param msg the event, as far as there is one
   * @param early no wire brought it: others are being told of it just now, and the words are to come behind it
   */
  begin(msg: Readonly<Record<string, unknown>>, early = false): void {
    if (this.begun) return;
    this.begun = true;
    this.early = early;
    try {
      this.say(this.textFor(msg), {}, flowFields(msg));
    } finally {
      this.early = false;
    }
  }

  sendPiece(text: string, utterance: UtteranceInfo, timing: Timing, flow: Readonly<Record<string, unknown>>): void {
    // Refused at once: nobody would hear it.
    if (this.call.playback.isDead(utterance.id)) return;
    const send = (): void => this.sendNew('reply', text, { ...flow, utterance, timing });
    if (this.early) queueMicrotask(this.guard(send));
    else send();
  }

  protected release(): void {
    this.asked.clear();
    this.showCalls(this.slot.sessions.size - 1);
  }

  private showCalls(count: number): void {
    if (count > 0) this.show({ fill: 'green', shape: 'dot', text: 'common.status.calls', values: { count } });
    else this.show({ fill: 'blue', shape: 'ring', text: 'common.status.idle' });
  }

  private isTrigger({ topic, payload, utterance }: VoiceMessage): boolean {
    const { on } = this.settings;
    if (on.size > 0 && !on.has(topic)) return false;
    if (topic === 'transcript') return typeof payload === 'string' && payload.trim() !== '';
    // Said to nobody: what is said in its place would not be heard either, and a ring of such messages would never rest.
    if (topic === 'said' && isRecord(payload) && NOBODY.has(payload.reason)) return false;
    // A piece of speech stays one, whatever topic a flow gave it.
    return on.size > 0 || (!isOurTopic(topic) && utterance?.by !== 'agent');
  }

  /** @throws SettingError where there is nothing to say: somebody may wait to hear that it has been said */
  private textFor(msg: Readonly<Record<string, unknown>>): string {
    const { text, env } = this.settings;
    if (text === '') {
      const { payload } = msg;
      if (typeof payload === 'string' && payload.trim() !== '') return payload.trim();
      throw new SettingError('agent-say: there is nothing to say. The node has no text, and msg.payload is no text.');
    }
    const lookUp = (name: string): string | undefined => env[name] ?? process.env[name];
    const words = fill(text, { call: this.call.info, env: lookUp, message: msg }).trim();
    if (words !== '') return words;
    throw new SettingError('agent-say: there is nothing to say. What the text names is empty in this message.');
  }

  private say(words: string, timing: Timing, flow: Record<string, unknown>): void {
    const text = words.slice(0, MAX_CHARACTERS);
    if (text.length < words.length) this.log('warn', 'utterance.too-long', { characters: MAX_CHARACTERS, what: 'the rest of the text is left out' }); // prettier-ignore
    const { kind, interruptible } = this.settings;
    const writer = new UtteranceWriter(this, { kind, interruptible, timing, flow });
    // Known before it is open: it may be closed at once.
    this.asked.set(writer.id, { text, flow });
    if (writer.write(text, true)) return;
    this.tell({ id: writer.id, state: 'interrupted', heardText: '', heardMs: 0, reason: 'call-ended' });
  }

  /** Tells what came of a text, once: its utterance is closed. */
  private tell({ id, state, heardText, heardMs, reason }: Told): void {
    const asked = this.asked.get(id);
    if (!asked) return;
    this.asked.delete(id);
    const cut = state === 'interrupted';
    const said: Said = { text: asked.text, heard: heardText, heardMs, cut, ...(cut && reason && { reason }), utteranceId: id }; // prettier-ignore
    this.sendNew('said', said, { ...asked.flow }, 1);
  }

  /**
   * Words of the caller. An agent sees all that is spoken and decides what they stop; where there is none, they stop what this node
   * and others of its kind say. (A flow may lead the words to the node that is to answer, and not to the one that is speaking.)
   */
  private onWords(payload: unknown): void {
    const { call } = this;
    if (typeof payload !== 'string' || call.deciders.size > 0) return;
    const open = call.playback.open
      .filter(({ openedBy }) => slotOf(openedBy)?.type === this.slot.type)
      .map(({ id, kind, interruptible }) => ({
        ...{ id, kind, interruptible, mine: false },
        heard: (call.playback.record(id)?.heardMs ?? 0) > 0,
      }));
    const ids = interruptedByWords(open, payload, BARGE_IN);
    if (ids.length === 0) return;
    call.playback.interrupt(ids, 'caller');
    this.sendNew('interrupt', { utterances: [...ids], reason: 'caller' });
  }
}
