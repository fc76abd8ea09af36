import { errors } from './errors';
import { text, type Body } from './fields';
import { newId } from './ids';

interface Recording {
  id: string;
  format: string;
  channels: string;
  startedAt: Date;
}

/** The recordings of one call: `record_start` to `record_stop`, or to the end. The audio itself is not kept. */
export class Recordings {
  private current: Recording | undefined;

  /** @param tell sends a webhook that names the call by leg and session; `call.recording.saved` has no `call_control_id` */
  constructor(
    private readonly url: string,
    private readonly tell: (event: string, payload: Body) => void,
  ) {}

  start(body: Body): void {
    if (this.current) throw errors.unable('The call is being recorded already.');
    this.current = {
      id: newId(),
      format: text(body, 'format') ?? text(body, 'record_format') ?? 'mp3',
      channels: text(body, 'channels') ?? text(body, 'record_channels') ?? 'dual',
      startedAt: new Date(),
    };
  }

  stop(): void {
    if (!this.current) throw errors.unable('The call is not being recorded.');
    this.end();
  }

  /** `record_pause` and `record_resume`. */
  require(): void {
    if (!this.current) throw errors.unable('The call is not being recorded.');
  }

  /** What is being recorded is saved. */
  end(): void {
    const { current } = this;
    this.current = undefined;
    if (current) this.save(current);
  }

  private save({ id, format, channels, startedAt }: Recording): void {
    this.tell('call.recording.saved', {
      recording_id: id,
      channels,
      recording_started_at: startedAt.toISOString(),
      recording_ended_at: new Date().toISOString(),
      recording_urls: { [format]: `${this.url}/recordings/${id}.${format}` },
      public_recording_urls: {},
    });
  }
}
