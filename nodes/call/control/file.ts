import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { RecordedAudio } from '../carrier/control';
import { refused } from './actions';

/** Where a recording is to be kept. */
export interface Place {
  /** A file; or a folder, if it ends with a slash or is one: then each recording gets a file of its own in it. */
  path: string;
  /** Where a path begins that is not absolute; empty: where Node-RED was started. */
  folder: string;
  /** Make the folders that are missing. */
  createDir: boolean;
}

/**
 * Keeps a recording in a file. It is written beside its place and moved there when all of it is on the disk: nobody ever sees half a
 * file, and what was there before stands until then.
 * @param recordingId the file's name, where the place is a folder
 * @returns the file's path
 * @throws ProviderError by rejection, in words, with the system's code: ENOENT, EACCES, ENOSPC, ...
 */
export async function keepRecording(recorded: RecordedAudio, place: Place, recordingId: string): Promise<string> {
  try {
    const file = await fileOf(place, `${safe(recordingId)}${extensionOf(recorded.contentType)}`);
    if (place.createDir) await mkdir(dirname(file), { recursive: true });
    await writeWhole(file, recorded.audio);
    return file;
  } catch (err) {
    throw inWords(err, place.path);
  }
}

async function fileOf({ path, folder }: Place, name: string): Promise<string> {
  const whole = resolve(folder, path);
  if (/[/\\]$/.test(path)) return join(whole, name);
  const isFolder = await stat(whole).then((found) => found.isDirectory(), () => false); // prettier-ignore
  return isFolder ? join(whole, name) : whole;
}

async function writeWhole(file: string, audio: Buffer): Promise<void> {
  const part = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.part`);
  try {
    const handle = await open(part, 'wx', 0o600);
    try {
      await handle.writeFile(audio);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (err) {
    await rm(part, { force: true }).catch(() => undefined);
    throw err;
  }
}

/** As part of a file's name: it comes with a message. */
function safe(recordingId: string): string {
  return recordingId.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 100);
}

function extensionOf(contentType: string): string {
  if (/wav/i.test(contentType)) return '.wav';
  if (/mpeg|mp3/i.test(contentType)) return '.mp3';
  return '.audio';
}

const WORDS = new Map([
  ['ENOENT', 'the folder does not exist: make it, or let the node make it'],
  ['ENOTDIR', 'a part of the path is a file and no folder'],
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'Node-RED may not write there'],
  ['EPERM', 'Node-RED may not write there'],
  ['EROFS', 'nothing can be written there'],
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk is full'],
]);

function inWords(err: unknown, path: string): Error {
  const code = err instanceof Error && 'code' in err && typeof err.code === 'string' ? err.code : undefined;
  const why = WORDS.get(code ?? '') ?? (err instanceof Error ? err.message : String(err));
  return refused(`the recording could not be written to ${path}: ${why}.`, code);
}
