/** Telnyx's simulator: see company.ts. */
export { TelnyxCompany, type RingOptions, type TelnyxOptions } from './company';
export { Call } from './call';
export type { CallFaults, CallOptions } from './call-options';
export type { CallReport, CommandReport } from './report';
export { SigningKey, type WebhookSignature } from './signing';
export type { DeliveredWebhook, WebhookFaults } from './webhooks';
export type * from '../phone';
