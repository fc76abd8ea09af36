import type { Call } from './call';
import { COMMANDS, type CommandName } from './command-rules';
import { ENDED_CODE, TelnyxError, errors } from './errors';
import { check, number, text, type Body } from './fields';
import { streamRequest } from './stream-request';

/** A repeat of a command with the same `command_id` is ignored for so long, ms (contracts/telnyx.md section 3.2). */
const REMEMBERED_MS = 60_000;

/**
 * Carries out one command on a call. Throws a TelnyxError if it is refused; a refusal is a finding of the call, unless the call was over:
 * that race nobody can avoid.
 */
export function command(call: Call, name: CommandName, body: Body): void {
  const report = { name, body, status: 200, ignored: false, atMs: call.sinceOffered() };
  try {
    const unknown = check(body, COMMANDS[name]);
    for (const field of unknown) call.finding('warning', 0, `${name}: nobody knows the field "${field}"`);
    if (call.isOver) throw errors.ended("This call is no longer active and can't receive commands.");
    report.ignored = isRepeat(call, text(body, 'command_id'));
    if (!report.ignored) {
      const clientState = text(body, 'client_state');
      carryOut(call, name, body, () => {
        if (clientState !== undefined) call.clientState = clientState;
      });
    }
  } catch (error) {
    if (!(error instanceof TelnyxError)) throw error;
    report.status = error.status;
    if (error.code !== ENDED_CODE)
      call.finding('error', Number(error.code), `${name}: ${error.title}: ${error.detail}`);
    throw error;
  } finally {
    call.commands.push(report);
  }
}

function isRepeat(call: Call, commandId: string | undefined): boolean {
  if (commandId === undefined) return false;
  const now = call.sinceOffered();
  return call.commands.some(
    ({ body, status, atMs }) => body['command_id'] === commandId && status === 200 && now - atMs < REMEMBERED_MS,
  );
}

/** `accepted` is called when the command is known to be possible and before it takes effect: its webhooks echo its state. */
function carryOut(call: Call, name: CommandName, body: Body, accepted: () => void): void {
  const needsAnswer = name !== 'answer' && name !== 'hangup' && name !== 'reject' && name !== 'transfer';
  if (needsAnswer && !call.isAnswered) {
    if (name === 'record_start')
      throw errors.noAudioYet('Call recording cannot be started until audio has commenced on the call.');
    throw errors.notAnswered("This call can't receive this command because it has not been answered yet.");
  }
  const stream = name === 'answer' || name === 'streaming_start' ? streamRequest(body) : undefined;
  accepted();
  switch (name) {
    case 'answer': {
      const webhookUrl = text(body, 'webhook_url');
      if (webhookUrl !== undefined) call.tellAt(webhookUrl);
      return call.accept(stream, text(body, 'record') === undefined ? undefined : body);
    }
    case 'streaming_start':
      return stream && call.openStream(stream);
    case 'streaming_stop':
      return call.closeStream(text(body, 'stream_id'));
    case 'hangup':
      return call.drop();
    case 'reject':
      return call.reject(text(body, 'cause') ?? 'CALL_REJECTED');
    case 'speak': {
      const stop = text(body, 'stop');
      if (stop === 'current' || stop === 'all') call.services.voice.stop(stop);
      return call.services.voice.say(text(body, 'payload') ?? '', number(body, 'loop'));
    }
    case 'send_dtmf':
      return call.services.sendDigits(text(body, 'digits') ?? '');
    case 'transfer':
      return call.services.transfer.start(body);
    case 'record_start':
      return call.services.recordings.start(body);
    case 'record_stop':
      return call.services.recordings.stop(text(body, 'recording_id'));
    case 'record_pause':
      return call.services.recordings.pause(text(body, 'recording_id'));
    case 'record_resume':
      return call.services.recordings.resume(text(body, 'recording_id'));
    case 'transcription_start':
      return call.services.transcription.start(body);
    case 'transcription_stop':
      return call.services.transcription.stop();
  }
}
