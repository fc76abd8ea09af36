import type { Call } from '../call/call';
import { isLogged } from '../call/log-line';
import type { NodeSlot } from '../call/node-slot';
import type { PlaybackRecord } from '../call/playback';
import type { Timing, UtteranceInfo, UtteranceKind, VoiceMessage } from '../call/message';
import { flowFields, readTiming } from '../call/message';
import { Session } from '../call/session';
import type { Verdict } from '../call/session';
import { SettingError } from '../call/settings';
import { readHistory, readInterrupt, readResponding, readSaying } from './control';
import { Conversation } from './conversation';
import { record } from './model';
import { Pauses } from './pauses';
import { returnInstructions } from './return';
import type { AgentSettings, TalkSettings } from './settings';
import { readOverrides } from './settings';
import { fill } from '../call/template';
import type { Turn } from './turn';
import { turnFields } from './turn-log';
import { countWords, decideTurn, interruptedByWords, pausedBySpeech } from './turn-taking';
import type { OpenUtterance } from './turn-taking';
import { Turns } from './turns';
import { UtteranceWriter } from './utterance';
import type { UtteranceHost } from './utterance';

/** What an `llm-agent` keeps for one call: it takes turns, and remembers what was heard. */
export class AgentSession extends Session<AgentSettings> implements UtteranceHost {
  readonly conversation = new Conversation();
  private readonly turns: Turns;
  private readonly pauses = new Pauses({
    now: () => this.call.now(),
    pause: (ids) => this.sendNew('reply.pause', { utterances: [...ids] }),
    resume: (ids) => this.sendNew('reply.resume', { utterances: [...ids] }),
    guard: (callback) => this.guard(callback),
  });
  private overrides: Partial<TalkSettings> = {};
  private greeted = false;
  private finished = false;
  /** Words that the flow wants spoken before the call has begun, or while the caller is away. */
  private early: VoiceMessage[] = [];

  constructor(call: Call, slot: NodeSlot<AgentSettings>) {
    super(call, slot);
    this.turns = new Turns({
      call,
      conversation: this.conversation,
      talk: () => this.talk,
      fill: (template) => this.fill(template),
      open: () => this.open(),
      newWriter: (style) => new UtteranceWriter(this, style),
      giveUp: (ids) => this.giveUp(ids),
      report: (report, flow, timing) => {
        call.metrics.turn(timing, report.usage);
        if (isLogged('debug')) {
          this.log('debug', 'turn', turnFields(report, timing, call.privacy.covers(timing.transcriptAt, call.now())));
        }
        this.sendNew('turn', report, { ...flow, timing }, 2);
      },
      fail: (err) => {
        this.fail(err);
        if (err.retryable) this.show({ fill: 'yellow', shape: 'dot', text: 'common.status.degraded' });
        else this.show({ fill: 'red', shape: 'dot', text: 'common.status.failed' });
      },
      log: (event, fields) => this.log('warn', event, fields),
      answered: () => this.showLive(),
      compose: (busy) => call.compose(slot.id, busy),
    });
    call.apology = this.fill(this.talk.apology);
    call.deciders.add(slot.id);
    this.onDispose(() => call.deciders.delete(slot.id));
    this.onDispose(
      call.tapPlayback((topic, closed) => {
        if (topic === 'playback.started') this.started(closed);
        else this.closed(closed);
      }),
    );
    this.onDispose(
      call.tap(({ topic }) => {
        if (topic === 'call.away') this.rest();
      }),
    );
    this.joinLate();
    this.showLive();
  }

  get nodeId(): string {
    return this.slot.id;
  }

  receive(msg: VoiceMessage): Verdict {
    // The last words are said: what comes now is late.
    if (this.finished && /^(agent\.|transcript)/.test(msg.topic)) return 'taken';
    switch (msg.topic) {
      case 'audio':
        return msg.utterance ? 'pass' : 'taken';
      case 'call.started':
        // The event first: what follows in the flow learns of the call before it is to speak.
        this.send(0, msg);
        this.begin();
        return 'taken';
      case 'call.resumed':
        this.send(0, msg);
        this.comeBack(msg);
        return 'taken';
      case 'call.ended':
        this.finish();
        return 'pass';
      case 'interrupt':
        this.interrupt(msg.payload);
        return 'pass';
      case 'speech.started':
        this.onSpeech(true);
        return 'taken';
      case 'speech.stopped':
        this.onSpeech(false);
        return 'taken';
      case 'transcript.partial':
        this.onWords(words(msg));
        return 'taken';
      case 'transcript.eager':
        this.onEager(msg);
        return 'taken';
      case 'transcript.resumed':
        this.turns.dropSpeculation();
        return 'taken';
      case 'transcript':
        this.onTranscript(msg);
        return 'taken';
      case 'agent.set':
        this.set(msg.payload);
        return 'taken';
      case 'agent.say':
        if (!this.isReady) {
          this.keep(msg);
          return 'taken';
        }
        if (this.greeted) this.sayEarly();
        this.sayOf(msg);
        return 'taken';
      case 'agent.respond': {
        this.turns.wait({ ...this.turnOf(msg, ''), ...readResponding(msg.payload), byCaller: false, waited: true });
        if (this.isReady) this.turns.pump();
        return 'taken';
      }
      case 'agent.reset':
        this.turns.dropSpeculation();
        this.conversation.forget(this.turns.underWay);
        return 'taken';
      default:
        return 'pass';
    }
  }

  override callEnded(): void {
    this.pauses.settled();
    this.turns.stop();
  }

  sendPiece(text: string, utterance: UtteranceInfo, timing: Timing, flow: Readonly<Record<string, unknown>>): void {
    this.sendNew('reply', text, { ...flow, utterance, timing });
    this.turns.opened();
  }

  protected release(): void {
    this.pauses.settled();
    this.turns.stop();
    // The wires lost `call.ended`: the last words are said all the same.
    if (this.call.state === 'ended') this.finish();
    if (this.slot.sessions.size <= 1) this.show({ fill: 'blue', shape: 'ring', text: 'common.status.idle' });
  }

  /** The settings as last deployed, and over them what the flow has set for this call. */
  private get talk(): AgentSettings {
    return { ...this.settings, ...this.overrides };
  }

  private get isReady(): boolean {
    const { state } = this.call;
    return state !== 'away' && (this.greeted || state !== 'offered');
  }

  private fill(template: string): string {
    const { env } = this.settings;
    return fill(template, { call: this.call.info, env: (name) => env[name] ?? process.env[name] });
  }

  private begin(): void {
    if (this.greeted) return;
    this.greeted = true;
    const { greeting, greetingInterruptible } = this.talk;
    this.say(this.fill(greeting).trim(), 'greeting', greetingInterruptible, {});
    this.sayEarly();
    this.turns.pump();
  }

  /** The caller is with somebody else: nobody speaks or answers until `call.resumed`. */
  private rest(): void {
    this.pauses.settled();
    this.turns.rest();
  }

  /** The caller is back, and is told so by the agent itself. */
  private comeBack(msg: VoiceMessage): void {
    if (this.call.state !== 'live') return;
    this.sayEarly();
    this.turns.comeBack({ ...this.turnOf(msg, ''), byCaller: false, waited: true, instructions: returnInstructions(msg.payload) }); // prettier-ignore
  }

  /** What cannot be said yet waits; of too many the oldest go. */
  private keep(msg: VoiceMessage): void {
    readSaying(msg.payload);
    this.early.push(msg);
    const tooMany = this.early.length - this.talk.queueLimit;
    if (tooMany <= 0) return;
    this.early.splice(0, tooMany);
    this.log('warn', 'agent.say-dropped', { what: 'it was the oldest, and too many wait' });
  }

  private sayEarly(): void {
    if (this.isReady) for (const msg of this.early.splice(0)) this.sayOf(msg);
  }

  private sayOf(msg: VoiceMessage): void {
    const { text, interruptible, kind } = readSaying(msg.payload);
    this.say(text, kind, interruptible, flowFields(msg));
  }

  private say(text: string, kind: UtteranceKind, interruptible: boolean, flow: Record<string, unknown>): void {
    if (text === '') return;
    const writer = new UtteranceWriter(this, { kind, interruptible, timing: {}, flow });
    writer.write(text, true);
    this.conversation.write(writer.id, text);
  }

  private set(payload: unknown): void {
    if (Object.keys(record(payload)).length === 0) throw new SettingError('agent.set: the payload must be an object.');
    const { history, ...settings } = record(payload);
    const overrides = readOverrides(settings, this.talk);
    if (history !== undefined) this.conversation.remember(readHistory(history), this.turns.underWay);
    this.overrides = { ...this.overrides, ...overrides };
    if (overrides.apology !== undefined) this.call.apology = this.fill(overrides.apology);
    this.turns.dropSpeculation();
  }

  private onTranscript(msg: VoiceMessage): void {
    const text = words(msg);
    if (text === '') {
      // The end of a turn without words: whatever it was, there is nothing to wait for.
      this.pauses.falseAlarm();
      return;
    }
    this.onWords(text);
    const turn = this.turnOf(msg, text);
    if (this.call.state === 'away') return this.turns.note(turn);
    switch (decideTurn(this.open(), this.turns.unheardReply)) {
      case 'join':
        this.turns.join(turn);
        break;
      case 'wait':
        this.turns.dropSpeculation();
        this.turns.wait({ ...turn, waited: true });
        break;
      case 'answer':
        this.turns.answer(turn);
        break;
    }
  }

  /** Words that are probably all. */
  private onEager(msg: VoiceMessage): void {
    const text = words(msg);
    if (text === '') return;
    this.onWords(text);
    this.turns.speculate(this.turnOf(msg, text));
  }

  private turnOf(msg: VoiceMessage, text: string): Turn {
    const { speechEndedAt, transcriptAt = this.call.now() } = readTiming(msg.timing);
    return {
      text,
      byCaller: true,
      instructions: '',
      interruptible: true,
      flow: flowFields(msg),
      timing: { ...(speechEndedAt !== undefined && { speechEndedAt }), transcriptAt },
      waited: false,
    };
  }

  /** Words of the caller, final or not: they may put an end to what is being spoken. */
  private onWords(text: string): void {
    const ids = interruptedByWords(this.open(), text, this.talk.bargeIn);
    if (ids.length > 0) this.giveUp(ids);
  }

  private giveUp(ids: readonly string[]): void {
    this.turns.holding(() => {
      this.call.playback.interrupt(ids, 'caller');
      this.sendNew('interrupt', { utterances: [...ids], reason: 'caller' });
    });
  }

  private interrupt(payload: unknown): void {
    const { ids, reason } = readInterrupt(payload);
    this.turns.holding(() => {
      this.turns.interrupted(ids);
      this.call.playback.interrupt(ids, reason);
    });
  }

  private onSpeech(started: boolean): void {
    if (started) this.pauses.speechStarted(pausedBySpeech(this.open(), this.talk.bargeIn));
    else this.pauses.speechStopped();
  }

  /** A session that opens in mid-call learns of what is being said. */
  private joinLate(): void {
    const { playback } = this.call;
    const [head] = playback.open;
    const record = head && playback.record(head.id);
    if (record && record.heardMs > 0) this.started(record);
  }

  /** The caller begins to hear an utterance of the call. What another agent says is in the history of that one. */
  private started(record: PlaybackRecord): void {
    const { openedBy } = record;
    if (openedBy === this.slot.id) this.turns.started(record.id);
    else if (!(this.call.sessions.get(openedBy) instanceof AgentSession)) this.conversation.hear(record);
  }

  /** An utterance of the call is closed: heard out or given up, this agent's or another's. */
  private closed(closed: PlaybackRecord): void {
    this.pauses.settled(closed.id);
    this.turns.closed(closed, this.conversation.close(closed));
  }

  /** What is open in the call, in the order in which it is spoken. */
  private open(): OpenUtterance[] {
    const { playback } = this.call;
    return playback.open.map(({ id, kind, interruptible, openedBy }) => ({
      id,
      kind,
      interruptible,
      heard: (playback.record(id)?.heardMs ?? 0) > 0,
      mine: openedBy === this.slot.id,
    }));
  }

  /** The last words of the call: what was left unanswered, and the whole conversation. Once. */
  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.turns.stop();
    this.turns.reportLeft();
    const messages = this.conversation.entries();
    const turns = messages.filter(({ role }) => role === 'user').length;
    this.sendNew('conversation', { turns, messages }, {}, 2);
  }

  private showLive(): void {
    const count = Math.max(1, this.slot.sessions.size);
    this.show({ fill: 'green', shape: 'dot', text: 'common.status.calls', values: { count } });
  }
}

/** The caller's words in a message of the STT; dots and dashes, as some write for a noise, are none. */
function words(msg: VoiceMessage): string {
  if (typeof msg.payload !== 'string') throw new SettingError(`${msg.topic}: the payload must be text.`);
  const text = msg.payload.trim();
  return countWords(text) === 0 ? '' : text;
}
