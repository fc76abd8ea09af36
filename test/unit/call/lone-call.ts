/** A call with nothing around it but a carrier that does what the test says, and a playback that is heard when the test says so. */
import { Call } from '../../../nodes/call/call';
import type { CallEvent } from '../../../nodes/call/call';
import type { Carrier } from '../../../nodes/call/carrier';
import type { CarrierControl, RecordingOrder, TranscriptionOrder } from '../../../nodes/call/carrier/control';
import { ProviderError } from '../../../nodes/call/errors';
import type { EndReason } from '../../../nodes/call/message';

type Act = keyof CarrierControl;

/** What a carrier was asked for, in order; each act can be refused or made to take its time. */
export class ControlLog implements CarrierControl {
  readonly did: string[] = [];
  /** Acts that fail, with the carrier's words. */
  readonly refuses = new Map<Act, string>();
  /** Acts that are not answered before this resolves. */
  readonly slow = new Map<Act, Promise<void>>();
  digitsOfItsOwn = false;
  private ids = 0;

  async transfer({ to }: { to: string }): Promise<void> {
    await this.act('transfer', to);
  }
  async startRecording({ channels }: RecordingOrder): Promise<string> {
    return this.act('startRecording', channels, 'RE');
  }
  async pauseRecording(id: string): Promise<void> {
    await this.act('pauseRecording', id);
  }
  async resumeRecording(id: string): Promise<void> {
    await this.act('resumeRecording', id);
  }
  async stopRecording(id: string): Promise<void> {
    await this.act('stopRecording', id);
  }
  async startTranscription({ language }: TranscriptionOrder): Promise<string> {
    return this.act('startTranscription', language, 'GT');
  }
  async stopTranscription(id: string): Promise<void> {
    await this.act('stopTranscription', id);
  }
  async sendDigits(digits: string): Promise<boolean> {
    await this.act('sendDigits', digits);
    return this.digitsOfItsOwn;
  }

  private async act(act: Act, what: string, prefix = ''): Promise<string> {
    this.did.push(`${act} ${what}`);
    await (this.slow.get(act) ?? Promise.resolve());
    const refusal = this.refuses.get(act);
    if (refusal !== undefined) throw new ProviderError('fake', 'bad-request', refusal);
    return `${prefix}${++this.ids}`;
  }
}

export class LoneCarrier implements Carrier {
  readonly name = 'fake';
  readonly control = new ControlLog();
  connected = true;
  readonly played: Buffer[] = [];
  readonly marks: string[] = [];
  hungUp: string | undefined;
  play(audio: Buffer, mark?: string): void {
    this.played.push(Buffer.from(audio));
    if (mark !== undefined) this.mark(mark);
  }
  mark(name: string): void {
    this.marks.push(name);
  }
  clear(): void {
    this.marks.length = 0;
  }
  hangUp(goodbye = '', reason?: EndReason): Promise<void> {
    this.hungUp = `${reason ?? ''} ${goodbye}`.trim();
    return Promise.resolve();
  }
  say(): Promise<void> {
    return Promise.resolve();
  }
  dispose(): void {
    this.connected = false;
  }
}

export class LoneCall {
  readonly carrier = new LoneCarrier();
  readonly events: CallEvent[] = [];
  readonly call: Call;

  constructor() {
    const info = {
      ...{ id: 'CA1', carrier: 'fake', direction: 'inbound' as const, from: '+15550001', to: '+15550002' },
      ...{ startedAt: Date.now(), parameters: { shop: 'north' } },
      media: { encoding: 'mulaw' as const, sampleRate: 8000 as const },
    };
    const limits = (): { maxDurationMs: number; silenceMs: number; goodbye: string } => ({
      ...{ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' },
    });
    this.call = new Call(info, this.carrier, 'in', limits, () => undefined);
    this.call.tap((event) => this.events.push(event));
  }

  get control(): ControlLog {
    return this.carrier.control;
  }

  /** The stream is open. */
  begin(): this {
    this.call.streamOpened();
    this.call.emit('call.started', { raw: {} });
    return this;
  }

  /** All that was played has been heard. */
  hearAll(): void {
    for (const mark of this.carrier.marks.splice(0)) this.call.playback.echo(mark);
  }

  topics(): string[] {
    return this.events.map(({ topic }) => topic);
  }
}

export const RECORDING: RecordingOrder = { channels: 'dual', track: 'both', trim: false, callbackUrl: '' };
export const TRANSCRIPTION: TranscriptionOrder = { engine: '', model: '', language: 'en-US', track: 'both' };
