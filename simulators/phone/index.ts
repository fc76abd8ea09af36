/** What the phone companies have in common: the people who call, what they hear, and how it is reported. */
export { PhoneCall } from './call';
export type { PhoneCallOptions } from './call-options';
export type { CallEvents } from './call-events';
export type { SimulatedCarrier } from './carrier';
export type { HeardWord, VoiceSource } from './ear';
export type { Finding } from './findings';
export type { LineBehaviour } from './line';
export type { AnsweringMachine } from './machine';
export type { NetworkOptions } from './network';
export type { CallStatus, DialReport, EndedBy, MarkReport, StreamEnd, StreamReport } from './report';
export { readWav } from './wav';
export type { CallerScript, CallerStep } from './script';
