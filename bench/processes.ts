/** Processes of the benchmark, kept apart on the cores where that is possible. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

export const ROOT = resolve(__dirname, '..');

/** The system under test has the first core, the simulators the second. */
export const SYSTEM_CORE = 0;
export const SIMULATORS_CORE = 1;

/** Can processes be pinned to cores here? */
export const CAN_PIN = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;

const STOP_WITHIN_MS = 15_000;
const LINES_KEPT = 40;

const running = new Set<ChildProcess>();
// Nothing outlives the benchmark, however it ends.
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

/** A Node process and what it printed last. */
export class NodeProcess {
  private readonly lines: string[] = [];
  private readonly watchers = new Set<(line: string) => void>();
  /** Settles when the process has ended. */
  readonly exited: Promise<unknown>;

  constructor(
    readonly child: ChildProcess,
    private readonly name: string,
  ) {
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.exited = once(child, 'exit');
    this.exited.catch(() => undefined);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.hear(line);
      });
    }
  }

  /** Starts Node with arguments; `core` keeps all its threads there, `ipc` opens a channel for messages. */
  static start(
    name: string,
    args: string[],
    o: { core?: number; env?: Record<string, string>; ipc?: boolean } = {},
  ): NodeProcess {
    // taskset becomes the program that it starts: the process id is Node's.
    const pinned = CAN_PIN && o.core !== undefined ? ['taskset', '-c', String(o.core)] : [];
    const [command = process.execPath, ...rest] = [...pinned, process.execPath, ...args];
    const child = spawn(command, rest, {
      cwd: ROOT,
      env: { ...process.env, ...o.env },
      stdio: ['ignore', 'pipe', 'pipe', ...(o.ipc ? (['ipc'] as const) : [])],
    });
    return new NodeProcess(child, name);
  }

  /**
   * Keeps the main thread of the running process on a core. V8's own threads, which collect garbage and compile beside it,
   * stay where the kernel puts them: on the main thread's core they would stop what they are there not to stop.
   */
  pinMainThread(core: number): void {
    if (CAN_PIN) spawnSync('taskset', ['-c', '-p', String(core), String(this.pid)]);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} could not be started.`);
    return this.child.pid;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What it printed last. */
  get log(): string {
    return this.lines.join('\n');
  }

  /** Resolves with the first line that fits; rejects when the process ends or the time is over. */
  line(fits: RegExp, withinMs = 30_000): Promise<RegExpExecArray> {
    return new Promise((settle, fail) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.watchers.delete(watch);
        this.child.off('exit', ended);
      };
      const watch = (line: string): void => {
        const found = fits.exec(line);
        if (!found) return;
        stop();
        settle(found);
      };
      const ended = (): void => {
        stop();
        fail(new Error(`${this.name} ended before it was ready:\n${this.log}`));
      };
      const timer = setTimeout(() => {
        stop();
        fail(new Error(`${this.name} was not ready within ${withinMs} ms:\n${this.log}`));
      }, withinMs);
      this.watchers.add(watch);
      this.child.once('exit', ended);
      this.lines.forEach(watch);
    });
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_WITHIN_MS);
    await this.exited;
    clearTimeout(timer);
  }

  private hear(line: string): void {
    this.lines.push(line);
    if (this.lines.length > LINES_KEPT) this.lines.shift();
    for (const watch of this.watchers) watch(line);
  }
}
