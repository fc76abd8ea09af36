import { keepRecording } from './file';
import { noDesk, refused } from './actions';
import type { Report } from './order';
import type { ControlSettings } from './node-settings';
import type { RecordedAudio, RecordingStore } from '../carrier/control';
import { deskOf } from '../carrier/desks';
import { asError } from '../errors';

/** Recordings that are fetched at a time, of all nodes together: each stands in memory meanwhile. */
const MAX_FETCHES = 4;
/** Recordings that wait for their turn; more are refused. */
const MAX_FETCHES_WAITING = 1_000;

/** Work that is done a few at a time; the rest waits, and what is too much is refused. */
export class Turns {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly limit = MAX_FETCHES,
    private readonly mayWait = MAX_FETCHES_WAITING,
  ) {}

  /** @throws ProviderError by rejection, where too many wait already */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.limit) {
      if (this.waiting.length >= this.mayWait) {
        throw refused(`${this.mayWait} recordings wait to be fetched already: try again later.`);
      }
      // Whoever leaves hands over its place.
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else this.running++;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}

const fetches = new Turns();

/** A recording that is here now. */
export interface Fetched {
  recordingId: string;
  /** Undefined where it is in a file. */
  audio: Buffer | undefined;
  contentType: string;
  bytes: number;
  file?: string;
  /** It is no more at the carrier. */
  deleted: boolean;
  /** It is here, but could not be deleted there. */
  error?: Error;
}

/** The desk that has a recording. @throws ProviderError in words */
export function storeOf(report: Report): RecordingStore {
  const desk = deskOf(report.node);
  if (desk) return desk;
  throw noDesk();
}

/**
 * Fetches a recording, keeps it in a file where one is named, and deletes it at the carrier where that is wanted: only when all of it
 * is here.
 * @param file path of a file or a folder; empty: into memory
 * @throws ProviderError by rejection: it is not here, and has not been deleted
 */
export async function fetchRecording(report: Report, file: string, settings: ControlSettings): Promise<Fetched> {
  const store = storeOf(report);
  const { recordingId } = report;
  return fetches.run(async () => {
    const recorded = await store.fetchRecording(report);
    const fetched = await keep(recorded, recordingId, file, settings);
    if (!settings.remove) return fetched;
    try {
      await store.deleteRecording(recordingId);
      return { ...fetched, deleted: true };
    } catch (err) {
      return { ...fetched, error: asError(err) };
    }
  });
}

async function keep(
  recorded: RecordedAudio,
  recordingId: string,
  path: string,
  { folder, createDir }: ControlSettings,
): Promise<Fetched> {
  const { audio, contentType } = recorded;
  if (audio.length === 0) throw refused('the recording is empty: it was left where it is.');
  const here = { recordingId, contentType, bytes: audio.length, deleted: false };
  if (path === '') return { ...here, audio };
  return { ...here, audio: undefined, file: await keepRecording(recorded, { path, folder, createDir }, recordingId) };
}
