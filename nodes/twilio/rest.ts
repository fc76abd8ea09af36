import { askRest } from '../call/carrier/rest';
import type { RecordedAudio } from '../call/carrier/control';
import { causeOfStatus, ProviderError } from '../call/errors';
import { withoutNumbers } from '../call/log-line';
import { fetchAudio } from '../call/carrier/recorded-audio';
import type { TwilioAccount } from './account';
import { adviceOf } from './rest-advice';

/** Update of a call that is over (contracts/twilio.md, section 9). */
const CALL_IS_OVER = '21220';
const NOT_FOUND = '20404';

/** Fields of a form; several of one name where the API wants that. */
export type RestForm = Readonly<Record<string, string | readonly string[]>>;

interface Asked {
  form?: RestForm;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
}

/** The few requests to Twilio's REST API that a call needs (contracts/twilio.md, sections 9.1 to 9.4). */
export class TwilioRest {
  /** @param account asked for each request: a Deploy may have changed it */
  constructor(private readonly account: () => TwilioAccount) {}

  /**
   * Twilio's word on how a call stands: `in-progress`, `completed`, ...
   * @param accountSid of the call, as its webhook named it
   */
  async callStatus(accountSid: string, callSid: string, signal?: AbortSignal): Promise<string> {
    const { status } = await this.request('GET', accountSid, callPath(callSid), { signal });
    return typeof status === 'string' ? status : '';
  }

  /**
   * Changes a running call: `Twiml`, or `Status`.
   * @param timeoutMs default 5 s
   * @throws ProviderError; `isOver(err)` tells that there was no call any more
   */
  async updateCall(accountSid: string, callSid: string, form: RestForm, timeoutMs?: number): Promise<void> {
    const more = { form, ...(timeoutMs !== undefined && { timeoutMs }) };
    sidOf(await this.request('POST', accountSid, callPath(callSid), more), 'an update');
  }

  /** Places a call. @returns its sid */
  async createCall(accountSid: string, form: RestForm, headers: Readonly<Record<string, string>>): Promise<string> {
    return sidOf(await this.request('POST', accountSid, '/Calls', { form, headers }), 'a dial');
  }

  /**
   * Does something with a call: a resource below it.
   * @param below such as `Recordings` or `Recordings/RE...`
   * @returns the sid of the resource
   */
  async callResource(accountSid: string, callSid: string, below: string, form: RestForm): Promise<string> {
    return sidOf(await this.request('POST', accountSid, `${callPath(callSid)}/${below}`, { form }), below);
  }

  /** Deletes a recording; that it is gone already is right, too. */
  async deleteRecording(accountSid: string, recordingSid: string): Promise<void> {
    try {
      await this.request('DELETE', accountSid, `/Recordings/${encodeURIComponent(recordingSid)}`, {});
    } catch (err) {
      if (!(err instanceof ProviderError && err.code === NOT_FOUND)) throw err;
    }
  }

  /** A recording's sound, as a WAV file. */
  fetchRecording(accountSid: string, recordingSid: string): Promise<RecordedAudio> {
    const { base, login } = this.access(accountSid);
    return fetchAudio({
      provider: 'twilio',
      url: `${base}/Recordings/${encodeURIComponent(recordingSid)}.wav`,
      headers: { authorization: login },
      refusal: (status) => {
        const words = status === 404 ? 'there is no such recording (any more)' : `the recording was refused: ${status}`;
        return new ProviderError('twilio', causeOfStatus(status), words, {
          code: status,
          ...(status === 404 && { advice: '.' }),
        });
      },
    });
  }

  private request(
    method: 'GET' | 'POST' | 'DELETE',
    accountSid: string,
    path: string,
    { form, headers, ...more }: Asked,
  ): Promise<Record<string, unknown>> {
    const { base, login } = this.access(accountSid);
    return askRest({
      provider: 'twilio',
      url: `${base}${path}.json`,
      method,
      headers: { ...headers, authorization: login },
      ...more,
      ...(form && { body: encode(form) }),
      refusal,
    });
  }

  private access(accountSid: string): { base: string; login: string } {
    const account = this.account();
    const sid = account.accountSid || accountSid;
    const withKey = account.apiKeySid !== '' && account.apiKeySecret !== '';
    const login = withKey ? `${account.apiKeySid}:${account.apiKeySecret}` : `${sid}:${account.authToken}`;
    return {
      base: `${account.baseUrl}/2010-04-01/Accounts/${encodeURIComponent(sid)}`,
      login: `Basic ${Buffer.from(login).toString('base64')}`,
    };
  }
}

/** True for the answer to an update of a call that is over already. */
export function isOver(err: unknown): boolean {
  return err instanceof ProviderError && err.code === CALL_IS_OVER;
}

function callPath(callSid: string): string {
  return `/Calls/${encodeURIComponent(callSid)}`;
}

function encode(form: RestForm): URLSearchParams {
  const pairs = Object.entries(form).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  return new URLSearchParams(pairs);
}

/** Twilio answers with the thing as it is now; whoever answers otherwise has not done it. */
function sidOf({ sid }: Record<string, unknown>, what: string): string {
  if (typeof sid === 'string') return sid;
  throw new ProviderError('twilio', 'protocol', `the REST API answered ${what} with something that has no sid`);
}

function refusal(status: number, body: Record<string, unknown>): ProviderError {
  const code = typeof body.code === 'number' ? body.code : status;
  const message = typeof body.message === 'string' ? body.message : 'no reason given';
  const words = `the REST API answered ${status}: ${withoutNumbers(message)} (${code})`;
  const advice = adviceOf(code);
  return new ProviderError('twilio', causeOfStatus(status), words, { code, ...(advice !== undefined && { advice }) });
}
