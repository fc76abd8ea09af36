import type { PhoneCompany } from '../../../../simulators/twilio';

export type Json = Record<string, unknown>;
export type Form = Record<string, string | string[]>;

/** One request to the REST API, with the account's own key: a POST with a form, else a GET, or what `method` says. */
export async function api(phone: PhoneCompany, path: string, form?: Form, method?: string): Promise<[number, Json]> {
  const pairs = Object.entries(form ?? {}).flatMap(([key, value]) => [value].flat().map((each) => [key, each]));
  const response = await fetch(`${phone.url}/2010-04-01/Accounts/${phone.accountSid}${path}.json`, {
    method: method ?? (form ? 'POST' : 'GET'),
    headers: { authorization: basic(phone) },
    ...(form ? { body: new URLSearchParams(pairs) } : {}),
  });
  const text = await response.text();
  return [response.status, text === '' ? {} : (JSON.parse(text) as Json)];
}

/** What the REST API wants to see. */
export function basic(phone: PhoneCompany, password = phone.authToken): string {
  return `Basic ${Buffer.from(`${phone.accountSid}:${password}`).toString('base64')}`;
}
