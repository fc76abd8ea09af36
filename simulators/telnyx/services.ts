import { FRAME_BYTES } from '../audio';
import type { LineTap } from '../phone/call';
import type { LineBehaviour } from '../phone/line';
import type { DialReport } from '../phone/report';
import { beep, keyTones } from '../phone/tones';
import type { Archive, Recorded } from './archive';
import type { Body } from './fields';
import { Recordings } from './recordings';
import { Transcription } from './transcription';
import { Transfer } from './transfer';
import { Voice } from './voice';

/** What a call's services need of it. */
export interface ServiceHost {
  readonly from: string;
  readonly to: string;
  /** The application's own number: the called one of an incoming call. */
  readonly ownNumber: string;
  readonly archive: Archive;
  readonly recordingError: string | undefined;
  readonly recordingWithoutId: boolean;
  /** What each webhook says of the call. */
  common(): Body;
  /** What the API says of a recording's call. */
  recordedCall(): Recorded['call'];
  /** Sends a webhook with nothing but this payload. */
  send(event: string, payload: Body): void;
  tap(tap: LineTap): () => void;
  /** Says it to the caller; resolves when it is heard to its end. */
  speak(words: string, source: 'carrier' | 'callee', signal: AbortSignal): Promise<void>;
  play(audio: Buffer, signal: AbortSignal): Promise<void>;
  line(number: string): LineBehaviour;
  now(): number;
  dialled(dial: DialReport): void;
  bridged(): void;
  hangUp(reason: string): void;
  /** Aborts at the end of the call. */
  readonly signal: AbortSignal;
}

/** What an application can have done on its call, besides talking on the stream. */
export class Services {
  readonly voice: Voice;
  readonly recordings: Recordings;
  readonly transcription: Transcription;
  readonly transfer: Transfer;
  readonly dtmfSent: string[] = [];

  constructor(private readonly host: ServiceHost) {
    const { signal } = host;
    const tell = (event: string, more: Body): void => host.send(event, { ...host.common(), ...more });
    const tap = (listener: LineTap): (() => void) => host.tap(listener);
    this.voice = new Voice((words, each) => host.speak(words, 'carrier', each), tell, signal);
    this.recordings = new Recordings({
      failure: host.recordingError,
      withoutId: host.recordingWithoutId,
      archive: host.archive,
      call: () => host.recordedCall(),
      tap,
      beep: (ms) => void host.play(wholeFrames(beep(ms)), signal),
      tell: (event, payload) => {
        const { client_state: clientState } = host.common();
        host.send(event, { ...payload, client_state: clientState });
      },
    });
    this.transcription = new Transcription((data) => tell('call.transcription', { transcription_data: data }), tap);
    this.transfer = new Transfer({
      from: host.from,
      ownNumber: host.ownNumber,
      common: () => host.common(),
      tell: (event, payload) => host.send(event, payload),
      line: (number) => host.line(number),
      now: () => host.now(),
      dialled: (dial) => host.dialled(dial),
      speak: (words, each) => host.speak(words, 'callee', each),
      hangUp: (reason) => host.hangUp(reason),
      bridged: () => host.bridged(),
      signal,
    });
  }

  /** Command `send_dtmf`: the other end hears the tones. `w` is half a second, `W` a whole one. */
  sendDigits(digits: string): void {
    this.dtmfSent.push(digits);
    void this.host.play(wholeFrames(keyTones(digits.replaceAll('W', 'ww'))), this.host.signal);
  }
}

function wholeFrames(audio: Buffer): Buffer {
  const missing = (FRAME_BYTES - (audio.length % FRAME_BYTES)) % FRAME_BYTES;
  return missing === 0 ? audio : Buffer.concat([audio, Buffer.alloc(missing, 0xff)]);
}
