import type { CallReport as CommonReport } from '../phone/report';
import type { FormFields } from './signatures';

/** One request for TwiML and its answer. */
export interface TwimlDocument {
  atMs: number;
  /** Empty where the TwiML came by REST. */
  url: string;
  /** HTTP status; 0: no answer. */
  status: number;
  body: string;
  /** Time of the request in ms. */
  tookMs: number;
  /** It answers a repeated webhook and was not carried out. */
  duplicate: boolean;
}

/** One delivered callback. */
export interface DeliveredCallback {
  url: string;
  fields: FormFields;
  /** HTTP status of the answer, 0 if there was none. */
  status: number;
  atMs: number;
}

/** All that can be said of a call at Twilio: what can be of any, and what it asked the application and told it. */
export interface CallReport extends CommonReport {
  twiml: TwimlDocument[];
  callbacks: DeliveredCallback[];
}
