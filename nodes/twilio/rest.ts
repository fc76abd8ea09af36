import { askRest } from '../call/carrier-rest';
import { causeOfStatus, ProviderError } from '../call/errors';
import type { TwilioAccount } from './account';

/** Update of a call that is over (contracts/twilio.md, section 9). */
const CALL_IS_OVER = '21220';

/** The few requests to Twilio's REST API that a call needs (section 9.2). */
export class TwilioRest {
  /** @param account asked for each request: a Deploy may have changed it */
  constructor(private readonly account: () => TwilioAccount) {}

  /**
   * Twilio's word on how a call stands: `in-progress`, `completed`, ...
   * @param accountSid of the call, as its webhook named it
   */
  async callStatus(accountSid: string, callSid: string, signal?: AbortSignal): Promise<string> {
    const { status } = await this.request('GET', accountSid, callSid, { signal });
    return typeof status === 'string' ? status : '';
  }

  /**
   * Changes a running call: `Twiml`, or `Status`.
   * @param timeoutMs default 5 s
   * @throws ProviderError; `isOver(err)` tells that there was no call any more
   */
  async updateCall(
    accountSid: string,
    callSid: string,
    fields: Record<string, string>,
    timeoutMs?: number,
  ): Promise<void> {
    const more = { form: new URLSearchParams(fields), ...(timeoutMs !== undefined && { timeoutMs }) };
    const { sid } = await this.request('POST', accountSid, callSid, more);
    // Twilio answers with the call as it is now; whoever answers otherwise has not changed it.
    if (typeof sid !== 'string') {
      throw new ProviderError('twilio', 'protocol', 'the REST API answered an update with something that is no call');
    }
  }

  private request(
    method: 'GET' | 'POST',
    accountSid: string,
    callSid: string,
    { form, ...more }: { form?: URLSearchParams; signal?: AbortSignal | undefined; timeoutMs?: number },
  ): Promise<Record<string, unknown>> {
    const account = this.account();
    const sid = account.accountSid || accountSid;
    const withKey = account.apiKeySid !== '' && account.apiKeySecret !== '';
    const login = withKey ? `${account.apiKeySid}:${account.apiKeySecret}` : `${sid}:${account.authToken}`;
    return askRest({
      provider: 'twilio',
      url: `${account.baseUrl}/2010-04-01/Accounts/${encodeURIComponent(sid)}/Calls/${encodeURIComponent(callSid)}.json`,
      method,
      headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      ...more,
      ...(form && { body: form }),
      refusal,
    });
  }
}

/** True for the answer to an update of a call that is over already. */
export function isOver(err: unknown): boolean {
  return err instanceof ProviderError && err.code === CALL_IS_OVER;
}

function refusal(status: number, body: Record<string, unknown>): ProviderError {
  const code = typeof body.code === 'number' ? body.code : status;
  const message = typeof body.message === 'string' ? body.message : 'no reason given';
  return new ProviderError('twilio', causeOfStatus(status), `the REST API answered ${status}: ${message} (${code})`, {
    code,
  });
}
