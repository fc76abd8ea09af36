import type { ServerResponse } from 'node:http';
import type { Fault } from '../faults';
import { reset, retryHeaders } from '../loopback';

/**
 * Answers a request with a fault in place of a phone company's REST API; nothing of what was asked for is done.
 * @param ownBody the company's own error for an HTTP status, where the fault brings none
 */
export function strikeRest(fault: Fault, response: ServerResponse, ownBody: (status: number) => unknown): void {
  const json = { 'content-type': 'application/json' };
  switch (fault.kind) {
    case 'status': {
      const status = fault.status ?? 500;
      const body = fault.body ?? ownBody(status);
      response.writeHead(status, { ...json, ...retryHeaders(fault.retryAfterMs) });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
      return;
    }
    case 'garbage':
      response.writeHead(200, json).end('{"data":');
      return;
    case 'wrong-json':
      response.writeHead(200, json).end('[]');
      return;
    case 'stall-before-first-byte':
      return;
    case 'stall-after-first-byte':
      response.writeHead(200, json).write('{');
      return;
    case 'refuse':
    case 'close-mid-stream':
      if (response.socket) reset(response.socket);
  }
}
