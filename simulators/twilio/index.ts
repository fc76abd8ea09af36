/** The phone company simulator: see phone-company.ts. */
export { PhoneCompany, type PhoneCompanyOptions, type RingOptions } from './phone-company';
export { Call } from './call';
export type { CallEvents, CallFaults, CallOptions, StatusCallback } from './call-options';
export type { CallReport, CallStatus, DialReport, EndedBy, MarkReport, StreamReport, TwimlDocument } from './report';
export type { HeardWord, VoiceSource } from './ear';
export type { Finding } from './findings';
export type { LineBehaviour } from './line';
export type { NetworkOptions } from './network';
export type { CallerScript, CallerStep } from './script';
export * from './signatures';
