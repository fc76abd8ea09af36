/** Cartesia's HTTP text-to-speech on loopback: POST /tts/bytes, the whole audio in one answer (contracts/cartesia.md 1.7). */
import type { IncomingMessage } from 'node:http';
import { speakWords } from '../audio';
import { parseObject } from '../loopback';
import { badRequest, type Version } from './errors';
import { readGeneration } from './request';

const MAX_BODY_BYTES = 1_000_000;

/** The request fields are the WebSocket's, without those of contexts. */
const ONLY_ON_SOCKETS = ['context_id', 'continue', 'flush', 'max_buffer_delay_ms', 'add_timestamps'];

/**
 * Reads the body of a request and makes its audio: raw mu-law, 8000 Hz.
 * @throws CartesiaError where the real service would refuse
 */
export async function speakBytes(
  request: IncomingMessage,
  version: Version,
  o: { models: readonly string[]; voices: readonly string[] | undefined; msPerWord: number },
): Promise<Buffer> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY_BYTES) throw badRequest('The request is too large.');
  }
  const body = parseObject(text);
  if (body === undefined) throw badRequest('The body must be a JSON object.');
  const socketOnly = ONLY_ON_SOCKETS.find((field) => field in body);
  if (socketOnly !== undefined) throw badRequest(`Unknown field ${socketOnly}.`);
  const input = readGeneration({ ...body, context_id: 'http' }, version, o);
  if (input.transcript.trim() === '') throw badRequest('transcript must not be empty.');
  if (input.encoding !== 'pcm_mulaw' || input.sampleRate !== 8000) {
    throw badRequest('The simulator speaks pcm_mulaw at 8000 Hz only.');
  }
  return speakWords(input.transcript, { msPerWord: o.msPerWord / input.speed }).audio;
}
