import type { Call, CallEvent } from '../call';
import { asError } from '../errors';
import { nextMessageId } from '../message';
import type { PlaybackReport, UtteranceInfo, VoiceMessage } from '../message';
import { choice, number, SettingError, text } from '../settings';
import type { RawConfig } from '../settings';
import { fill } from '../template';

/** How long a machine's greeting may be, ms: when the beep does not come by then, the message is left all the same. */
const MACHINE_GREETING_MS = 30_000;

/** What is done when a machine answers: nothing, hang up, or leave a message after the beep. */
const ON_MACHINE = ['talk', 'hang-up', 'message'] as const;
export type OnMachine = (typeof ON_MACHINE)[number];

/** What becomes of the answer to a call that we dial. */
export interface AnswerSettings {
  /** Is the carrier to find out who answers, and up to when: who it is, or also the end of a machine's greeting? */
  detect: 'off' | 'who' | 'greeting-end';
  /** So long nothing is spoken until it is known who answers, ms; 0: at once. */
  waitMs: number;
  onMachine: OnMachine;
  /** A template: what is left on a machine. */
  message: string;
}

/**
 * Reads them.
 * @param detects whether the node asks for answering-machine detection; a carrier has its own setting for how
 * @throws SettingError in words for the ops person
 */
export function readAnswerSettings(config: RawConfig, detects: boolean): AnswerSettings {
  const onMachine = choice(config, 'onMachine', ON_MACHINE, 'talk');
  const message = text(config, 'machineMessage');
  if (onMachine === 'message' && message === '') {
    throw new SettingError('Enter the message that is left on an answering machine.');
  }
  const waitMs = number(config, 'answerWait', 0, 0, 30) * 1_000;
  const wanted = detects || onMachine !== 'talk' || waitMs > 0;
  return {
    detect: !wanted ? 'off' : onMachine === 'message' ? 'greeting-end' : 'who',
    waitMs,
    onMachine,
    message,
  };
}

/** What a carrier found out, as it stands in `call.answered-by`. */
export interface AnsweredBy {
  by: 'human' | 'machine' | 'fax' | 'unknown';
  /** `detected`: who it is; `greeting-ended`, `beep`: a machine's greeting is over, and after the beep a message may be left. */
  state: 'detected' | 'greeting-ended' | 'beep';
}

/** What it speaks by: the in-node's session of the call. */
export interface AnswerHost {
  readonly nodeId: string;
  send(output: number, msg: VoiceMessage): void;
  message(topic: string, payload: unknown, more?: Partial<VoiceMessage>): VoiceMessage;
  report(error: Error): void;
  warn(words: string, event: string): void;
}

/**
 * Who has answered a call that we dialled, and what follows: the greeting waits for that or does not, a machine's result cuts off
 * what is being spoken, a message is left after the beep. Goes by the call's own events, in whatever order they come.
 */
export class AnswerPolicy {
  private timer: NodeJS.Timeout | undefined;
  private machine = false;
  /** Id of the message that is being left. */
  private leaving: string | undefined;
  private readonly untap: () => void;

  constructor(
    private readonly call: Call,
    private readonly host: AnswerHost,
    private readonly settings: AnswerSettings,
  ) {
    if (settings.detect !== 'off' && settings.waitMs > 0) call.playback.hold();
    this.untap = call.tap((event) => this.event(event));
  }

  private event({ topic, payload, utterance }: CallEvent): void {
    if (topic === 'call.started') this.started();
    else if (topic === 'call.answered-by') this.found(payload as AnsweredBy);
    else if (topic === 'call.ended') this.ended();
    else if (utterance && utterance.id === this.leaving) this.leftTo(topic, payload);
  }

  private started(): void {
    // A machine that was found before the stream was open has been dealt with.
    if (this.machine || this.settings.waitMs === 0) return;
    this.after(this.settings.waitMs, () => this.call.playback.release());
  }

  private found({ by, state }: AnsweredBy): void {
    const { call, settings } = this;
    if (by !== 'machine' && by !== 'fax') {
      this.clear();
      return call.playback.release();
    }
    const first = !this.machine;
    this.machine = true;
    if (settings.onMachine === 'hang-up' || (by === 'fax' && settings.onMachine === 'message')) {
      return this.hangUp();
    }
    if (settings.onMachine === 'talk') {
      this.clear();
      // A machine does not listen: what is being said to it is cut off.
      if (first) call.playback.interrupt(undefined, 'machine');
      return call.playback.release();
    }
    if (first) {
      // From here on nobody speaks but we.
      call.playback.rest('machine', this.host.nodeId);
      call.playback.release();
      this.after(MACHINE_GREETING_MS, () => this.leaveMessage());
    }
    if (state !== 'detected') this.leaveMessage();
  }

  private leaveMessage(): void {
    if (this.leaving !== undefined) return;
    this.clear();
    const { call, host, settings } = this;
    const info = { id: nextMessageId(), kind: 'prompt', interruptible: false } as const;
    this.leaving = info.id;
    call.playback.openUtterance(info, host.nodeId);
    const words = fill(settings.message, { call: call.info, env: (name) => process.env[name] });
    const utterance: UtteranceInfo = { ...info, by: 'agent', seq: 0, done: true };
    // Behind the event that is being told just now.
    queueMicrotask(() => host.send(0, host.message('reply', words, { utterance })));
  }

  /** The message was heard to its end, or cannot be spoken: in either case nothing is left to be said to a machine. */
  private leftTo(topic: string, payload: unknown): void {
    if (topic === 'playback.interrupted') {
      const reason = (payload as PlaybackReport).reason ?? '';
      if (reason === 'call-ended') return;
      this.host.warn(`The message on the answering machine is incomplete (${reason}).`, 'machine.message-incomplete');
    } else if (topic !== 'playback.finished') return;
    this.hangUp();
  }

  private hangUp(): void {
    this.clear();
    this.call.hangUp('agent-hangup').catch((err: unknown) => this.host.report(asError(err)));
  }

  private after(ms: number, then: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      try {
        then();
      } catch (err) {
        this.host.report(asError(err));
      }
    }, ms);
  }

  private clear(): void {
    clearTimeout(this.timer);
  }

  private ended(): void {
    this.clear();
    this.untap();
  }
}
