/** What Twilio's codes mean for an ops person, and what to do (contracts/twilio.md, section 9, and Twilio's error dictionary). */
const ADVICE = new Map<number, string>([
  [20003, ' - check the key in the twilio-account: Account SID and auth token, or API key.'],
  [20404, ' - it is not there, or belongs to another account.'],
  [13224, ' - the number to dial is not valid.'],
  [21201, ' - there is no number to call.'],
  [21210, ' - the number to call from is none of this account, nor a verified one.'],
  [21211, ' - the number to call is not valid.'],
  [21212, ' - the number to call from is not valid.'],
  [21213, ' - there is no number to call from.'],
  [21214, ' - the number to call cannot be reached.'],
  [21215, ' - calls to this country are not allowed: see Geo Permissions in the Twilio console.'],
  [21216, ' - Twilio does not let this account call the number.'],
  [21217, ' - the number to call is not valid.'],
  [21219, ' - a trial account calls verified numbers only.'],
  [21220, ' - the call is not in progress, or what is to be changed is over.'],
  [32018, ' - what is to be said is too long.'],
  [32650, ' - Twilio has no such combination of engine, model and language.'],
  [32651, ' - the transcription engine refused its settings.'],
]);

/** Words for a code; undefined where the general ones must do. */
export function adviceOf(code: number): string | undefined {
  return ADVICE.get(code);
}
