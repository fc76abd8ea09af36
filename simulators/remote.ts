/** The simulated world in another process, as seen from this one. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Answers, Request, Response } from './process';
import type { CallReport as TelnyxReport, RingOptions as TelnyxRing } from './telnyx';
import type { CallReport, RingOptions } from './twilio';
import type { WorldAddresses, WorldOptions } from './world';

type Asked = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

export class RemoteWorld {
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private nextId = 1;

  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
  ) {
    child.on('message', (response: Response) => {
      const waiting = this.waiting.get(response.id);
      this.waiting.delete(response.id);
      if ('error' in response) waiting?.reject(new Error(response.error));
      else waiting?.resolve(response.answer as never);
    });
    child.on('exit', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('The process of the simulators has ended.'));
      this.waiting.clear();
    });
  }

  addresses!: WorldAddresses;

  static async start(options: WorldOptions = {}): Promise<RemoteWorld> {
    const child = fork(join(__dirname, 'process.js'), { stdio: 'inherit' });
    const world = new RemoteWorld(child, child.pid ?? 0);
    world.addresses = await world.ask<'start'>({ do: 'start', options });
    return world;
  }

  /** Somebody calls the application by way of Twilio; resolves with the report when the call is over. */
  ring(options: RingOptions): Promise<CallReport> {
    return this.ask<'ring'>({ do: 'ring', options });
  }

  /** The same, by way of Telnyx. */
  ringTelnyx(options: TelnyxRing): Promise<TelnyxReport> {
    return this.ask<'ring-telnyx'>({ do: 'ring-telnyx', options });
  }

  /** What the model was asked, oldest first. */
  requests(): Promise<Answers['requests']> {
    return this.ask<'requests'>({ do: 'requests' });
  }

  open(): Promise<Record<string, number>> {
    return this.ask<'open'>({ do: 'open' });
  }

  async stop(): Promise<void> {
    await this.ask<'stop'>({ do: 'stop' });
    this.child.disconnect();
  }

  private ask<K extends keyof Answers>(asked: Asked): Promise<Answers[K]> {
    const id = this.nextId++;
    return new Promise<Answers[K]>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve, reject });
      this.child.send({ ...asked, id });
    });
  }
}
