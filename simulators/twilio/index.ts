/** Twilio's simulator: see phone-company.ts. */
export { PhoneCompany, type PhoneCompanyOptions, type RingOptions } from './phone-company';
export { Call } from './call';
export type { CallFaults, CallOptions, StatusCallback } from './call-options';
export type { CallReport, TwimlDocument } from './report';
export * from './signatures';
export type * from '../phone';
