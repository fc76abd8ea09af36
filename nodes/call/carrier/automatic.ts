import type { Call, CallEvent } from '../call';
import { asError } from '../errors';
import { nextMessageId } from '../message';
import type { PlaybackReport, UtteranceInfo, VoiceMessage } from '../message';
import type { AutomaticSettings } from './in-settings';

/** What it speaks and reports by: the in-node's session of the call. */
export interface AutomaticHost {
  readonly nodeId: string;
  send(output: number, msg: VoiceMessage): void;
  report(error: Error): void;
  warn(words: string, event: string): void;
  message(topic: string, payload: unknown, more?: Partial<VoiceMessage>): VoiceMessage;
}

/**
 * Records and transcribes a call unasked: from its start, or as soon as a notice has been heard. The notice is spoken by the flow's own
 * TTS, before the greeting; where the caller has not heard it, nothing begins.
 */
export class Automatic {
  private notice: string | undefined;
  private waiting = false;
  private readonly untap: () => void;

  /** @param settings as deployed; read once, when the call begins */
  constructor(
    private readonly call: Call,
    private readonly host: AutomaticHost,
    private readonly settings: () => AutomaticSettings,
  ) {
    this.untap = call.tap((event) => this.event(event));
  }

  private event({ topic, payload, utterance }: CallEvent): void {
    if (topic === 'call.started') this.start();
    else if (topic === 'call.ended') this.untap();
    else if (utterance && this.waiting && this.isNotice(utterance)) {
      if (topic === 'playback.finished') this.heard();
      else if (topic === 'playback.interrupted') this.unheard(payload);
    }
  }

  private start(): void {
    const { record, transcribe, notice } = this.settings();
    this.begin('start');
    this.waiting = record === 'notice' || transcribe === 'notice';
    if (!this.waiting || notice === '') return;
    const { call, host } = this;
    const info = { id: nextMessageId(), kind: 'notice', interruptible: false } as const;
    this.notice = info.id;
    call.playback.openUtterance(info, host.nodeId);
    const utterance: UtteranceInfo = { ...info, by: 'agent', seq: 0, done: true };
    // Behind `call.started`, which is being told just now.
    queueMicrotask(() => host.send(0, host.message('reply', notice, { utterance })));
  }

  /** Without a notice of our own, any of the flow's counts; but no apology, and no key tones, which are of the same kind. */
  private isNotice({ id, kind }: UtteranceInfo): boolean {
    if (this.notice !== undefined) return id === this.notice;
    const words = this.call.playback.record(id)?.text.trim() ?? '';
    return kind === 'notice' && words !== '' && words !== this.call.apology.trim();
  }

  private heard(): void {
    this.waiting = false;
    this.begin('notice');
  }

  private unheard(report: unknown): void {
    if (this.notice === undefined) return;
    this.waiting = false;
    const reason = (report as PlaybackReport).reason ?? '';
    if (reason !== 'call-ended') {
      const words = `The notice was not heard to its end (${reason}): the call is not recorded or transcribed.`;
      this.host.warn(words, 'notice.unheard');
    }
  }

  private begin(at: 'start' | 'notice'): void {
    const { record, recording, transcribe, transcription } = this.settings();
    const { controls } = this.call;
    if (record === at) this.run(controls.startRecording(recording));
    if (transcribe === at) this.run(controls.startTranscription(transcription));
  }

  private run(work: Promise<unknown>): void {
    work.catch((err: unknown) => {
      if (this.call.state !== 'ended') this.host.report(asError(err));
    });
  }
}
