import type { CallOptions, Exchange } from './call-options';
import { Webhooks } from './webhooks';

/**
 * The webhooks of one call, sent as its options and its phone company say.
 * @param now ms since the call was offered
 * @param refused is told of each answer that is not 200
 */
export function callWebhooks(
  options: CallOptions,
  exchange: Exchange,
  now: () => number,
  refused: (eventType: string, status: number) => void,
): Webhooks {
  const { webhookUrl: url, failoverUrl, webhookTimeoutMs: timeoutMs, webhookRetryMs: retryMs } = options;
  const { signature, webhooks: faults, network = exchange.network } = options;
  const { resolve, key, signal } = exchange;
  return new Webhooks(
    {
      ...{ url, failoverUrl, timeoutMs, retryMs, signature, faults, network, resolve, key, signal, now },
      request: (request) => exchange.request(request),
    },
    refused,
  );
}
