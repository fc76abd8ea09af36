/** An error of the REST API, in Telnyx's shape (contracts/telnyx.md section 3.2; codes as in the published API description). */
export class TelnyxError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    /** JSON pointer to the offending field. */
    readonly pointer?: string,
  ) {
    super(`${code} ${title}: ${detail}`);
  }

  get body(): object {
    const { code, title, detail, pointer } = this;
    return { errors: [{ code, title, detail, ...(pointer === undefined ? {} : { source: { pointer } }) }] };
  }
}

/** The call is over: nothing wrong with the application, it has lost a race. */
export const ENDED_CODE = '90018';

const title = (status: number, code: string, name: string) => (detail: string, pointer?: string) =>
  new TelnyxError(status, code, name, detail, pointer);

/** The errors that the simulator answers with, each with its status and code. */
export const errors = {
  unauthorized: title(401, '10009', 'Authentication failed'),
  forbidden: title(403, '10010', 'Authorization failed'),
  notFound: title(404, '10005', 'Resource not found'),
  tooMany: title(429, '10011', 'Too many requests'),
  invalidJson: title(400, '10015', 'Bad Request'),
  missing: title(422, '10004', 'Missing required parameter'),
  invalid: title(422, '10015', 'Invalid value'),
  notE164: title(422, '10016', 'Phone number must be in +E164 format'),
  notOneOf: title(422, '10032', 'Invalid enumerated value'),
  outOfRange: title(422, '10033', 'Value outside of range'),
  invalidCallId: title(422, '90015', 'Invalid Call Control ID'),
  ended: title(422, ENDED_CODE, 'Call has already ended'),
  noAudioYet: title(422, '90020', 'Call recording triggered before audio started'),
  unable: title(422, '90033', 'Unable to execute command'),
  notAnswered: title(422, '90034', 'Call not answered yet'),
  streamingUsed: title(422, '90045', 'Media Streaming is used'),
  transcribing: title(422, '90054', 'Call transcription is already in progress'),
};
