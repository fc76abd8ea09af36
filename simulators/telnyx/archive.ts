import { errors } from './errors';
import { newId } from './ids';
import type { Storage } from './storage';

/** Recordings that are remembered; the oldest go first. */
const LIMIT = 2_000;
const BUCKET = 'telephony-recorder-prod';

/** A recording that is over, with its file. */
export interface Recorded {
  id: string;
  format: 'wav' | 'mp3';
  channels: 'single' | 'dual';
  startedAt: Date;
  endedAt: Date;
  /** Length of the file's sound, ms. */
  ms: number;
  /** The file, as it can be downloaded. */
  bytes: Buffer;
  /** Whose it is: what the API tells of the call. */
  call: {
    call_control_id: string;
    call_leg_id: string;
    call_session_id: string;
    connection_id: string;
    from: string;
    to: string;
  };
  initiatedBy: 'StartCallRecordingAPI' | 'OutboundAPI';
}

/** The recordings of an account: what `/v2/recordings` knows, with the files in the storage (public SDK: resources/recordings). */
export class Archive {
  private readonly kept = new Map<string, { recorded: Recorded; key: string }>();

  constructor(
    private readonly userId: string,
    private readonly storage: Storage,
  ) {}

  /** @returns a link to the file, good for ten minutes */
  save(recorded: Recorded): string {
    const { id, format, startedAt, call, bytes } = recorded;
    const seconds = Math.floor(startedAt.getTime() / 1000);
    // Not the id of the recording: of that nothing can be told from the link.
    const name = `${call.call_leg_id}-${seconds}${newId().slice(0, 4)}.${format}`;
    const key = `${BUCKET}/${this.userId}/${startedAt.toISOString().slice(0, 10)}/${name}`;
    this.storage.put(key, bytes, format === 'wav' ? 'audio/x-wav' : 'audio/mpeg');
    this.kept.set(id, { recorded, key });
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= LIMIT) break;
      this.delete(oldest);
    }
    return this.storage.link(key);
  }

  /** `GET /recordings/{id}`: with new links each time. Throws a TelnyxError if there is none. */
  get(id: string): object {
    const { recorded, key } = this.find(id);
    const { format, channels, startedAt, endedAt, ms, call, initiatedBy } = recorded;
    return {
      record_type: 'recording',
      id,
      ...call,
      channels,
      source: 'call',
      status: 'completed',
      initiated_by: initiatedBy,
      conference_id: null,
      duration_millis: ms,
      recording_started_at: startedAt.toISOString(),
      recording_ended_at: endedAt.toISOString(),
      created_at: endedAt.toISOString(),
      updated_at: endedAt.toISOString(),
      download_urls: { [format]: this.storage.link(key) },
    };
  }

  /** `GET /recordings`: the newest first; filtered by call, if asked for. */
  list(query: URLSearchParams): object[] {
    const filters = (['call_control_id', 'call_leg_id', 'call_session_id'] as const).flatMap((name) => {
      const value = query.get(`filter[${name}]`);
      return value === null ? [] : [{ name, value }];
    });
    return [...this.kept.values()]
      .filter(({ recorded }) => filters.every(({ name, value }) => recorded.call[name] === value))
      .map(({ recorded }) => this.get(recorded.id))
      .reverse();
  }

  /** `DELETE /recordings/{id}`: answers what it was; its links are dead from now on. Throws a TelnyxError if there is none. */
  delete(id: string): object {
    const gone = this.get(id);
    this.storage.delete(this.find(id).key);
    this.kept.delete(id);
    return gone;
  }

  private find(id: string): { recorded: Recorded; key: string } {
    const found = this.kept.get(id);
    if (!found) throw errors.notFound('The requested resource or URL could not be found.');
    return found;
  }
}
