import type { CarrierControl, RecordingStore } from '../../carrier/control';
import { deskOf } from '../../carrier/desks';
import { noDesk } from '../../control/actions';
import { dialHistory } from '../../dial/history';
import type { EndReason } from '../../message';
import { placesByKey } from '../../tts/places';
import type { Place } from '../../tts/shared-places';
import { toPlainError } from '../plain-error';
import type { Answer, Ask, CallRef } from '../protocol';
import type { RemoteCall } from './remote-call';

/** A worker, as the services of the main thread see it. */
export interface Client {
  /** The call of this number, if it lives in this worker and has not ended. */
  call(n: CallRef): RemoteCall | undefined;
  send(answer: Answer): void;
}

type Service = (args: readonly unknown[]) => unknown;

/**
 * What one worker may ask of the main thread (`MainLine.ask`): the carrier of its calls, the desk of the in-node, and what there is one
 * of for all threads. Both ends are of one build; the arguments are what the other end has put there.
 */
export class MainServices {
  private readonly places = new Map<number, Place>();
  private readonly services: Readonly<Record<string, Service>>;

  /** @param more services of others, by name */
  constructor(
    private readonly client: Client,
    more: Readonly<Record<string, Service>> = {},
  ) {
    this.services = {
      'hang-up': ([n, reason, goodbye]) => this.hangUp(n, reason as EndReason, goodbye as string | undefined),
      say: ([n, text]) => this.client.call(n as CallRef)?.carrier.say(String(text)),
      control: ([n, what, ...args]) => this.control(n, what as keyof CarrierControl, args),
      desk: ([nodeId, what, arg]) => this.desk(String(nodeId), what as keyof RecordingStore, arg),
      'dial-turn': ([number, perHour]) => dialHistory.take(String(number), Number(perHour)),
      place: ([id, key, limit, at]) => this.takePlace(Number(id), String(key), Number(limit), at === true),
      'place-release': ([id]) => this.releasePlace(Number(id)),
      ...more,
    };
  }

  /** Answers, in its own time. */
  take({ r, what, args }: Ask): void {
    const service = this.services[what];
    // A throw is an answer, too.
    const served = new Promise<unknown>((resolve) => {
      if (!service) throw new Error(`A worker asked for ${what}, which the main thread does not know.`);
      resolve(service(args));
    });
    served.then(
      (value) => this.client.send({ t: 'answer', r, value }),
      (err: unknown) => this.client.send({ t: 'answer', r, error: toPlainError(err) }),
    );
  }

  /** The worker is gone: what it held is free for others. */
  dispose(): void {
    for (const place of this.places.values()) place.release();
    this.places.clear();
  }

  private async hangUp(n: unknown, reason: EndReason, goodbye: string | undefined): Promise<void> {
    await this.client.call(n as CallRef)?.hangUp(reason, goodbye);
  }

  private control(n: unknown, what: keyof CarrierControl, args: readonly unknown[]): Promise<unknown> {
    const call = this.client.call(n as CallRef);
    if (!call) return Promise.reject(new Error('The call has ended.'));
    const { control } = call.carrier;
    return (control[what] as (...all: unknown[]) => Promise<unknown>).apply(control, [...args]);
  }

  private desk(nodeId: string, what: keyof RecordingStore, arg: unknown): Promise<unknown> {
    const desk = deskOf(nodeId);
    if (!desk) return Promise.reject(noDesk());
    return (desk[what] as (given: unknown) => Promise<unknown>).call(desk, arg);
  }

  /** @returns how many more are free; when it has been given */
  private takePlace(id: number, key: string, limit: number, atOnce: boolean): Promise<number> {
    const places = placesByKey(key);
    return new Promise((resolve) => {
      // One that was taken in good faith counts, though there be one too many for a moment.
      this.places.set(
        id,
        places.take(atOnce ? Infinity : limit, () => resolve(places.free(limit))),
      );
    });
  }

  private releasePlace(id: number): void {
    this.places.get(id)?.release();
    this.places.delete(id);
  }
}
