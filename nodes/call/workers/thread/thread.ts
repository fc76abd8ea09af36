/** The entry of a worker thread: Node-RED with a flow of its own, and the calls that the main thread gives it. */
import { parentPort, workerData } from 'node:worker_threads';
import { Asks } from './asks';
import { tellAfterwards } from '../../carrier/report-message';
import { receiveFromMain, receiveUndelivered } from '../elsewhere';
import { asError } from '../../errors';
import { registry } from '../../heart';
import { slotOf } from '../../lifecycle';
import { connectMain } from '../main-line';
import type { MainLine } from '../main-line';
import { Outbox } from '../outbox';
import { toPlainError } from '../plain-error';
import type { FramesItem, ToMain, ToWorker, WorkerLoad } from '../protocol';
import { keepClips } from './remote-carrier';
import { Residents } from './residents';
import { startRuntime } from './thread-runtime';
import type { ThreadRuntime } from './thread-runtime';

/** How often the pulse is counted up, ms. */
const PULSE_MS = 100;

/** The worker's end of the line. */
class WorkerEnd {
  private readonly outbox = new Outbox<ToMain>((batch, transfer) => this.post(batch, transfer), 0);
  private readonly asks = new Asks((ask) => this.outbox.send(ask));
  private readonly line: MainLine = {
    send: (item) => this.outbox.send(item),
    frame: (n, audio, mark) => this.outbox.frame(n, audio, mark),
    ask: (what, ...args) => this.asks.ask(what, ...args),
  };
  private readonly residents = new Residents(this.line);
  private runtime: ThreadRuntime | undefined;

  constructor(private readonly port: NonNullable<typeof parentPort>) {}

  async start(load: WorkerLoad): Promise<void> {
    const pulse = new Int32Array(load.pulse);
    setInterval(() => Atomics.add(pulse, 0, 1), PULSE_MS);
    connectMain(this.line);
    this.port.on('message', (batch: readonly ToWorker[]) => {
      for (const item of batch) this.guard(() => this.take(item));
    });
    try {
      this.runtime = await startRuntime(load, (item) => this.outbox.send(item));
      this.outbox.send({ t: 'ready', problems: this.runtime.problems });
    } catch (err) {
      this.outbox.send({ t: 'failed', error: toPlainError(err) });
      this.exit();
    }
  }

  private take(item: ToWorker): void {
    switch (item.t) {
      case 'frames':
        return this.residents.frames(item.bytes);
      case 'answer':
        return this.asks.answered(item);
      case 'deliver':
        return receiveFromMain(this.find, item);
      case 'undelivered':
        return receiveUndelivered(this.find, item);
      case 'afterwards': {
        const slot = slotOf(item.ownerId);
        if (slot) tellAfterwards(slot, item.topic, item.payload, item.info);
        return;
      }
      case 'clips':
        return keepClips(item.clips);
      case 'count':
        return this.outbox.send({ t: 'count', count: { ...registry.count() } });
      case 'stop':
        return void this.stop();
      default:
        return this.residents.take(item);
    }
  }

  private readonly find = (id: string): ReturnType<ThreadRuntime['getNode']> => this.runtime?.getNode(id);

  private async stop(): Promise<void> {
    try {
      await this.runtime?.stop();
    } catch (err) {
      this.report(err);
    }
    this.exit();
  }

  private exit(): void {
    this.outbox.flush();
    process.exit();
  }

  /** One thing that goes wrong is no reason for the calls that it does not concern to end. */
  private guard(work: () => void): void {
    try {
      work();
    } catch (err) {
      this.report(err);
    }
  }

  private report(err: unknown): void {
    const error = asError(err);
    this.outbox.send({ t: 'log', entry: { level: 20, msg: { error: toPlainError(error), line: String(error) } } });
  }

  /** What cannot be cloned must not take with it what it goes together with. */
  private post(batch: readonly (ToMain | FramesItem)[], transfer: readonly ArrayBuffer[]): void {
    try {
      this.port.postMessage(batch, transfer);
    } catch (err) {
      const [only] = batch;
      if (batch.length > 1) for (const item of batch) this.post([item], item.t === 'frames' ? transferOf(item) : []);
      // Whoever asked is told; nobody waits for the rest.
      else if (only?.t === 'ask') this.asks.answered({ t: 'answer', r: only.r, error: toPlainError(err) });
      else this.report(err);
    }
  }
}

function transferOf({ bytes }: FramesItem): ArrayBuffer[] {
  return [bytes.buffer as ArrayBuffer];
}

if (parentPort) void new WorkerEnd(parentPort).start(workerData as WorkerLoad);
