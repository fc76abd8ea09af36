import type { Call } from '../call';
import { FINISHED_SPEAKING_MS } from './call-controls';
import type { ActionResult } from './call-controls';
import { fetchRecording, storeOf } from './fetch';
import type { ControlSettings } from './node-settings';
import { refused } from './actions';
import type { ControlOrder, Report } from './order';
import { deskOf } from '../carrier/desks';
import { takeTurn } from '../dial/history';

/** What came of an order. */
export interface Outcome {
  /** The message's payload from now on. */
  payload: Buffer | ActionResult;
  /** Of a recording that was fetched: what it is, where it lies, whether it has been deleted. */
  recording?: ActionResult;
  /** It is done, but not all of it. */
  error?: Error;
}

/** Can this be done without a call that lives? */
export function needsNoCall(order: ControlOrder): boolean {
  return order.action === 'recording-fetch' || (order.action === 'recording-delete' && order.report !== undefined);
}

/**
 * Does what was ordered.
 * @param call the call, if it lives
 * @throws ProviderError, at once or by rejection; what is refused is refused at once, and nothing has been done then
 */
export async function act(order: ControlOrder, call: Call | undefined, settings: ControlSettings): Promise<Outcome> {
  if (order.action === 'recording-fetch') return fetched(order.report, order.file, settings);
  if (order.action === 'recording-delete' && order.report) return removed(order.report);
  if (!call) throw refused('this cannot be done without a call that lives.');
  return { payload: { action: order.action, ...(await actOn(call, order, settings)) } };
}

async function actOn(call: Call, order: ControlOrder, settings: ControlSettings): Promise<ActionResult> {
  const { controls } = call;
  switch (order.action) {
    case 'hang-up':
      if (order.finished) await call.whenSilent(FINISHED_SPEAKING_MS);
      return controls.hangUp(order.goodbye);
    case 'transfer':
      await mayDial(call, order.order.to, settings.perHour);
      if (order.finished) await call.whenSilent(FINISHED_SPEAKING_MS);
      return controls.transfer(order.order);
    case 'recording-start':
      return controls.startRecording(order.order);
    case 'recording-pause':
      return controls.pauseRecording();
    case 'recording-resume':
      return controls.resumeRecording();
    case 'recording-stop':
      return controls.stopRecording();
    case 'transcription-start':
      return controls.startTranscription(order.order);
    case 'transcription-stop':
      return controls.stopTranscription();
    case 'private-on':
      return controls.setPrivate(true);
    case 'private-off':
      return controls.setPrivate(false);
    case 'digits':
      return controls.sendDigits(order.digits);
    case 'set-values':
      return controls.setValues(order.values);
    case 'recording-delete':
      return undo(call);
    case 'recording-fetch':
      return {};
  }
}

/** Counted when it is asked for: the goodbye need not be heard by whoever is not put through after all. */
async function mayDial(call: Call, to: string, perHour: number): Promise<void> {
  if (call.state === 'away') throw refused('the caller is being put through, or talks to somebody, already.');
  const turn = await takeTurn(to, perHour);
  if (turn === 'too-often') {
    throw refused(`this number was dialled ${perHour} times within the last hour, which is all that is allowed.`);
  }
  if (turn === 'too-many') throw refused('more calls were dialled within the last hour than can be counted.');
}

/** What is being recorded of a call, and what has been and is not reported yet, is to be as if it had never been. */
async function undo(call: Call): Promise<ActionResult> {
  const store = deskOf(call.ownerId);
  const { isRecording } = call.controls;
  // First: the report may be here before the answer to the stop.
  const doomed = (await store?.doomRecordings(call.info.id)) ?? 0;
  if (!isRecording) {
    if (doomed === 0) throw refused('nothing of the call is being recorded.');
    return {};
  }
  const { recordingId } = await call.controls.stopRecording();
  // A recording whose reports go elsewhere is not heard of again.
  if (doomed === 0 && typeof recordingId === 'string' && recordingId !== '') await store?.deleteRecording(recordingId);
  return { recordingId };
}

async function fetched(report: Report, path: string, settings: ControlSettings): Promise<Outcome> {
  const { audio, error, ...recording } = await fetchRecording(report, path, settings);
  return { payload: audio ?? { action: 'recording-fetch', ...recording }, recording, ...(error && { error }) };
}

async function removed(report: Report): Promise<Outcome> {
  const { recordingId } = report;
  await storeOf(report).deleteRecording(recordingId);
  return { payload: { action: 'recording-delete', recordingId } };
}
