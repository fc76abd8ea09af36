/** CPU time and memory of another process, from /proc. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Linux counts CPU time in hundredths of a second, on every architecture that Node runs on. */
const MS_PER_TICK = 10;
/** A collection of garbage takes less than this, ms. */
const COLLECTED_WITHIN_MS = 1_000;
/** Whoever starts something computes all the time; who uses no more than a tick in so many looks has done. */
const LOOK_MS = 250;
const QUIET_LOOKS = 4;

/** User and system time of all threads of a process so far, in ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets, which may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Memory that a process has in RAM, in MB. */
export function rssMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kb === undefined) throw new Error(`The process ${pid} has no memory any more.`);
  return Number(kb) / 1024;
}

/** How long the main thread has been ready to run and had to wait for a core, in ms; 0 where the kernel does not tell. */
export function waitedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** Has a system collect its garbage. Twice: what the first time finalises, the second frees. */
export async function collectGarbage(pid: number): Promise<void> {
  for (let i = 0; i < 2; i++) {
    process.kill(pid, 'SIGWINCH');
    await sleep(COLLECTED_WITHIN_MS);
  }
}

/** Resolves when a process has nothing to do any more, whatever its threads were at. @throws Error if that does not come */
export async function idle(pid: number, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  let [before, quiet] = [cpuMs(pid), 0];
  while (quiet < QUIET_LOOKS) {
    if (performance.now() > until) throw new Error(`The process ${pid} was still at work after ${withinMs} ms.`);
    await sleep(LOOK_MS);
    const now = cpuMs(pid);
    quiet = now - before <= MS_PER_TICK ? quiet + 1 : 0;
    before = now;
  }
}
