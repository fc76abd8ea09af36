import type { Call } from '../call/call';
import type { ProviderError } from '../call/errors';
import type { LogFields } from '../call/log-line';
import type { Timing } from '../call/message';
import type { PlaybackRecord } from '../call/playback';
import type { AssistantEntry, Conversation, ModelMessage, UnderWay } from './conversation';
import type { ModelRequest } from './model';
import { isTooLong } from './model-errors';
import { ModelReply } from './model-reply';
import { modelRequest } from './model-request';
import type { AgentSettings } from './settings';
import { SpokenReply } from './spoken-reply';
import { joined, joinWords, reportTurn, timeForModel, WaitingTurns } from './turn';
import type { QueuePolicy, Turn, TurnReport } from './turn';
import { isBlocked } from './turn-taking';
import type { OpenUtterance } from './turn-taking';
import type { UtteranceStyle, UtteranceWriter } from './utterance';

/** What the turns of a call need of its session. */
export interface TurnsHost {
  readonly call: Call;
  readonly conversation: Conversation;
  talk(): AgentSettings;
  fill(template: string): string;
  open(): OpenUtterance[];
  newWriter(style: UtteranceStyle): UtteranceWriter;
  /** Gives utterances up, here and down the wire, because of the caller. */
  giveUp(ids: readonly string[]): void;
  report(report: TurnReport, flow: Readonly<Record<string, unknown>>, timing: Timing): void;
  fail(err: ProviderError): void;
  log(event: string, fields?: LogFields): void;
  answered(): void;
  /** A reply is being made of which nothing is open yet; or that is over. */
  compose(busy: boolean): void;
}

/** A reply that was begun on a transcript that is only probably final. */
interface Speculation {
  text: string;
  reply: ModelReply;
  revision: number;
  settings: AgentSettings;
}

/** The turns of one call: one is answered at a time, others wait; each is reported once. */
export class Turns {
  private current: Turn | undefined;
  private readonly waiting = new WaitingTurns();
  /** A turn whose reply the caller stopped before a word of it was heard: the next words join it. */
  private unanswered: Turn | undefined;
  private speculation: Speculation | undefined;
  private held = 0;
  private stopped = false;
  private composing = false;
  /** So many turns are sent at most: what the model's context has room for, once it has told that it had none. */
  private turnsThatFit = Infinity;

  constructor(private readonly host: TurnsHost) {}

  /** A reply is being made or waits to be played, nothing of it has been heard, and more words may change it. */
  get unheardReply(): boolean {
    const { current } = this;
    return current !== undefined && current.interruptible && (current.writer?.heardMs ?? 0) === 0;
  }

  /** What the conversation holds of the turn that is being answered, or whose answer the caller stopped unheard. */
  get underWay(): UnderWay {
    const turn = this.current ?? this.unanswered;
    return { entry: turn?.entry, utteranceId: turn?.writer?.id };
  }

  /** While `work` runs nothing new is begun: what it gives up must be told down the wire first. */
  holding(work: () => void): void {
    this.held++;
    try {
      work();
    } finally {
      this.held--;
    }
    this.pump();
  }

  /** Answers when what is being spoken has been heard. */
  wait(turn: Turn): void {
    const { queueLimit, queuePolicy } = this.host.talk();
    for (const dropped of this.waiting.add(turn, queueLimit, queuePolicy)) this.leaveOut(dropped, queuePolicy);
    this.settle();
  }

  /** Begins the next turn, if nothing stands in its way. */
  pump(): void {
    const free = !this.current && this.held === 0 && !this.stopped && !this.away;
    const turn = free && this.waiting.length > 0 && !isBlocked(this.host.open()) ? this.waiting.next() : undefined;
    if (turn) this.begin(turn);
    this.settle();
  }

  /** Answers now; what waits already comes first. */
  answer(turn: Turn): void {
    if (this.waiting.length > 0 || this.current || this.stopped) {
      this.wait(turn);
      this.pump();
    } else this.begin(turn);
    this.settle();
  }

  /** The caller goes on before a word of the reply was heard: it is dropped, and both are answered as one. */
  join(turn: Turn): void {
    const { current } = this;
    if (!current || this.stopped) {
      this.answer(turn);
      return;
    }
    this.dropSpeculation();
    this.drop(current);
    const both = joined(current, turn);
    this.current = both;
    if (both.entry && turn.text !== '') this.host.conversation.joinUser(both.entry, turn.text);
    else if (turn.text !== '') both.entry = this.host.conversation.addUser(turn.text);
    this.ask(both);
    this.settle();
  }

  /**
   * The caller is with somebody else: what is being made is given up, and the caller's words stay as they are. What the flow has asked
   * for waits until the caller is back.
   */
  rest(): void {
    this.dropSpeculation();
    const { unanswered, current } = this;
    this.unanswered = this.current = undefined;
    current?.reply?.abort();
    for (const turn of [unanswered, current]) if (turn) this.report(turn, undefined);
    for (const turn of this.waiting.drain()) {
      if (turn.byCaller) this.note(turn);
      else if (!turn.onReturn) this.wait(turn);
    }
    this.settle();
  }

  /** The caller is back: that is answered first of all, and with it what the flow has asked for meanwhile. */
  comeBack(turn: Turn): void {
    const all = this.waiting.drain().reduce((earlier, later) => joined(earlier, later), turn);
    const whole = { ...all, onReturn: true };
    if (this.unheardReply) this.join(whole);
    else {
      this.wait(whole);
      this.pump();
    }
  }

  /** Words that nobody answers now: they are remembered, and reported. */
  note(turn: Turn): void {
    if (turn.text !== '') this.host.conversation.addUser(turn.text);
    this.report(turn, undefined);
  }

  /** There is no room for it: it is told, and what the caller said stays said. */
  private leaveOut(turn: Turn, policy: QueuePolicy): void {
    const { host } = this;
    if (turn.byCaller && turn.text !== '') host.conversation.addUser(turn.text);
    host.log('turn.dropped', { which: policy, what: 'too many wait' });
    host.report({ ...reportTurn(turn, host.talk().model), dropped: true }, turn.flow, { ...turn.timing });
  }

  /** Something of a reply has been sent: from now on its utterance stands for it. */
  opened(): void {
    this.settle();
  }

  /** Has the model begin, unheard, on words that are probably all. */
  speculate(turn: Turn): void {
    this.dropSpeculation();
    const { host } = this;
    if (turn.text === '' || this.current || this.unanswered || this.stopped || this.waiting.length > 0) return;
    if (this.away) return;
    if (isBlocked(host.open())) return;
    const settings = host.talk();
    const reply = new ModelReply(this.request(settings, '', [{ role: 'user', text: turn.text }]));
    this.speculation = { text: turn.text, reply, revision: host.conversation.revision, settings };
  }

  dropSpeculation(): void {
    this.speculation?.reply.abort();
    this.speculation = undefined;
  }

  /** The caller can hear this utterance now. */
  started(id: string): void {
    if (this.current?.writer?.id === id) this.current.timing.firstAudioAt = this.host.call.now();
  }

  /** An utterance of the call is closed. @param said what this agent said with it, if it was its own */
  closed(record: PlaybackRecord, said: AssistantEntry | undefined): void {
    const { current } = this;
    if (record.reason === 'call-ended') this.stopped = true;
    if (current && current.writer?.id === record.id) {
      current.reply?.abort();
      this.current = undefined;
      const unheard = record.heardMs === 0 && record.reason === 'caller';
      if (unheard && current.text !== '' && !current.error) this.unanswered = current;
      else this.report(current, said);
    }
    this.pump();
  }

  /**
   * Somebody wants silence: a reply of which nothing is written yet is given up with the rest, unless it is protected, and so is one
   * that was begun on words that are only probably all. Turns that wait are not active yet: they are answered.
   */
  interrupted(ids: readonly string[] | undefined): void {
    if (!ids) this.dropSpeculation();
    const { current } = this;
    if (!current?.writer || current.writer.opened) return;
    if (ids ? !ids.includes(current.writer.id) : !current.interruptible) return;
    current.reply?.abort();
    this.current = undefined;
    this.report(current, undefined);
    this.settle();
  }

  /**
   * Nothing is begun any more; requests are aborted. Idempotent.
   * What was half written is heard out as far as it goes: nobody would end it otherwise.
   */
  stop(): void {
    this.stopped = true;
    this.dropSpeculation();
    const { current } = this;
    current?.reply?.abort();
    if (current?.writer?.opened && !current.writer.done)
      this.host.call.playback.fail(current.writer.id, 'agent-removed');
    this.settle();
  }

  /** Reports what will not be answered any more, at the end of the call. */
  reportLeft(): void {
    const { unanswered, current } = this;
    this.unanswered = this.current = undefined;
    if (unanswered) this.report(unanswered, undefined);
    if (current) this.report(current, undefined);
    for (const turn of this.waiting.drain()) this.note(turn);
    this.settle();
  }

  private get away(): boolean {
    return this.host.call.state === 'away';
  }

  /** Tells the call whether the agent has something to say of which nothing is open yet. */
  private settle(): void {
    const writing = this.current !== undefined && this.current.writer?.opened !== true;
    const busy = (writing || this.waiting.length > 0) && !this.stopped && !this.away;
    if (busy === this.composing) return;
    this.composing = busy;
    this.host.compose(busy);
  }

  private begin(turn: Turn): void {
    const { host, unanswered } = this;
    const { speculation } = this;
    this.speculation = undefined;
    const wanted = speculation && this.isWanted(speculation, turn) ? speculation.reply : undefined;
    if (speculation && !wanted) speculation.reply.abort();
    this.unanswered = undefined;
    this.current = turn;
    if (unanswered?.entry && turn.byCaller) {
      turn.entry = unanswered.entry;
      host.conversation.joinUser(unanswered.entry, turn.text);
      turn.text = joinWords(unanswered.text, turn.text);
    } else {
      if (unanswered) this.report(unanswered, undefined);
      if (turn.text !== '') turn.entry = host.conversation.addUser(turn.text);
    }
    this.ask(turn, wanted);
  }

  private isWanted({ text, reply, revision, settings }: Speculation, turn: Turn): boolean {
    const { host } = this;
    const now = host.talk();
    return (
      text === turn.text &&
      turn.instructions === '' &&
      !reply.isDead &&
      revision === host.conversation.revision &&
      (Object.keys(now) as (keyof AgentSettings)[]).every((name) => now[name] === settings[name])
    );
  }

  private ask(turn: Turn, begun?: ModelReply): void {
    const { host } = this;
    const settings = host.talk();
    host.call.apology = host.fill(settings.apology);
    const { interruptible, timing, flow } = turn;
    turn.writer = host.newWriter({ kind: 'reply', interruptible, timing, flow });
    const reply = begun ?? new ModelReply(this.request(settings, turn.instructions, []));
    turn.reply = reply;
    const listener = new SpokenReply(turn.writer, host.conversation, settings.chunking, {
      firstToken: () => (turn.timing.firstTokenAt ??= host.call.now()),
      written: (end, error) => {
        if (end.model !== undefined) turn.model = end.model;
        if (end.usage) turn.usage = end.usage;
        if (error) this.failed(turn, error);
        else host.answered();
      },
      failed: (error) => this.failed(turn, error),
      strange: (error) => host.fail(error),
      retrying: ({ provider, cause, code }) => {
        host.call.metrics.retry();
        host.log('model.retry', { provider, cause, code });
      },
      givenUp: () => reply.abort(),
    });
    reply.listen(listener, timeForModel(turn, settings.timeBudgetMs, host.call.now()));
  }

  private request(settings: AgentSettings, extra: string, more: readonly ModelMessage[]): ModelRequest {
    const { host } = this;
    const messages = [...host.conversation.messages(this.turnsKept(settings)), ...more];
    return modelRequest(settings, [host.fill(settings.instructions), extra], messages);
  }

  /** The model failed: what was said stays; where nothing was, the apology is said. Errors go to Catch either way. */
  private failed(turn: Turn, error: ProviderError): void {
    const { host } = this;
    if (isTooLong(error) && this.askWithLess(turn)) return;
    turn.error = error;
    host.fail(error);
    if (this.current !== turn || turn.writer?.opened) return;
    const apology = host.fill(host.talk().apology);
    const { interruptible, timing, flow } = turn;
    const writer = host.newWriter({ kind: 'notice', interruptible, timing, flow });
    turn.writer = writer;
    if (apology !== '' && writer.write(apology, true)) {
      host.conversation.write(writer.id, apology);
      return;
    }
    this.current = undefined;
    this.report(turn, undefined);
    this.pump();
  }

  /** The conversation is too long for the model: from here on only half of it is sent. @returns false if there is nothing to leave out */
  private askWithLess(turn: Turn): boolean {
    const { host } = this;
    const kept = host.conversation.turns(this.turnsKept(host.talk()));
    if (kept === 0 || this.current !== turn || turn.writer?.opened) return false;
    this.turnsThatFit = Math.floor(kept / 2);
    host.log('model.retry-with-less', { turns: this.turnsThatFit, before: kept });
    this.ask(turn);
    return true;
  }

  private turnsKept({ turnsKept }: AgentSettings): number {
    return Math.min(turnsKept, this.turnsThatFit);
  }

  /** Gives up a reply of which nothing was heard, without ending its turn. */
  private drop(turn: Turn): void {
    turn.reply?.abort();
    const { writer } = turn;
    turn.writer = undefined;
    if (writer?.opened) this.host.giveUp([writer.id]);
  }

  private report(turn: Turn, said: AssistantEntry | undefined): void {
    const { host } = this;
    host.report(reportTurn(turn, host.talk().model, said), turn.flow, { ...turn.timing });
  }
}
