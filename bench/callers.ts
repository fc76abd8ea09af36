/** The process of the simulators: the providers, the phone company and its callers, and the clock that measures. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../simulators/twilio';
import { World } from '../simulators/world';
import { CallMeter, type Turn } from './call-meter';
import type { FromCallers, Job, Loss, Outcome, Stage, ToCallers } from './job';
import { collectGarbage, cpuMs, rssMb, waitedMs } from './process-usage';
import { percentile, rounded } from './statistics';
import { CYCLE_MS, GREETING_MS, SPEAKING_MS, conversation, isLong, nameIn, world } from './work';

const WARM_UP_CALLS = 4;
const WARM_UP_TURNS = 3;
const WARM_UP_LISTENING_MS = 1_000;
/** A system is idle so long after its last call, ms: its sessions have their last words, its collector its moment. */
const IDLE_MS = 4_000;
/** Replies to turns that ended in the window may come so long after it, ms. */
const TAIL_MS = 2_500;
/** All calls must be over so soon after they were hung up, ms. */
const GONE_WITHIN_MS = 10_000;
/** Share of a core above which the simulators are late themselves. */
const TOO_BUSY = 0.9;
/** The other calls are looked at for so long after a worker was lost, ms. */
const AFTER_LOSS_MS = 5_000;
/** So many frames of a call may be under way to the STT when the call ends. */
const FRAMES_UNDER_WAY = 25;

interface Ringing {
  call: Call;
  meter: CallMeter;
}

class Callers {
  private constructor(private readonly world: World) {}

  static async start(stage: Stage): Promise<Callers> {
    return new Callers(await new World(world(stage)).start());
  }

  get addresses(): World['addresses'] {
    return this.world.addresses;
  }

  stop(): Promise<void> {
    return this.world.stop();
  }

  async measure({ webhookUrl, pid, calls, seconds, loseWorker }: Job): Promise<Outcome> {
    await this.warmUp(webhookUrl);
    const rssWarmMb = rssMb(pid);
    await collectGarbage(pid);
    const rssIdleMb = rssMb(pid);

    // One after the other over a whole cycle, so that at any moment as many speak, listen and interrupt as at any other.
    const durationMs = CYCLE_MS + GREETING_MS + CYCLE_MS + seconds * 1_000 + TAIL_MS;
    const turns = Math.ceil(durationMs / CYCLE_MS) + 1;
    const startsAt = performance.now();
    const ringing: Ringing[] = [];
    for (let i = 0; i < calls; i++) {
      await until(startsAt + (i * CYCLE_MS) / calls);
      ringing.push(this.ring(webhookUrl, i, turns, durationMs + 60_000));
    }
    // The window opens when the last call has had its first turn.
    const opensAt = startsAt + CYCLE_MS + GREETING_MS + CYCLE_MS;
    await until(opensAt);
    const lag = monitorEventLoopDelay({ resolution: 1 });
    lag.enable();
    const pieces = (): number => ringing.reduce((sum, { meter }) => sum + meter.pieces, 0);
    const piecesBefore = pieces();
    const before = { at: performance.now(), cpu: cpuMs(pid), waited: waitedMs(pid), own: process.cpuUsage() };
    let lostAt: number | undefined;
    if (loseWorker) {
      await until(opensAt + seconds * 500);
      lostAt = performance.now();
      for (const { meter } of ringing) meter.watch();
      process.kill(pid, 'SIGURG');
    }
    await until(opensAt + seconds * 1_000);
    const after = { at: performance.now(), cpu: cpuMs(pid), waited: waitedMs(pid), own: process.cpuUsage(before.own) };
    const rssLoadedMb = rssMb(pid);
    const piecesHeard = pieces() - piecesBefore;
    lag.disable();
    await sleep(TAIL_MS);
    await collectGarbage(pid);
    const rssLiveMb = rssMb(pid);

    const lost = ringing.filter(({ call }) => call.isOver);
    const rest = ringing.filter(({ call }) => !call.isOver);
    const problems = lostAt === undefined ? lost.map(({ call }) => callProblem(call)) : [];
    for (const { call } of ringing) call.hangUp();
    const over = Promise.all(ringing.map(({ call }) => call.ended));
    const reports = await Promise.race([over, sleep(GONE_WITHIN_MS, undefined, { ref: false })]);
    if (!reports) problems.push('Calls were not over 10 s after they were hung up.');
    for (const { findings } of reports ?? []) {
      for (const { code, message } of findings) problems.push(`The phone company found fault: ${code} ${message}`);
    }
    problems.push(...this.refused());

    const windowMs = after.at - before.at;
    const inWindow = (at: number): boolean => at >= before.at && at < after.at;
    const simulatorsCpuShare = (after.own.user + after.own.system) / 1_000 / windowMs;
    if (simulatorsCpuShare > TOO_BUSY) problems.push('The simulators were too busy: they measured themselves.');
    const result = this.results(lostAt === undefined ? ringing : rest, inWindow, problems);
    if (lostAt !== undefined && (lost.length === 0 || rest.length === 0))
      problems.push('No worker was lost, or all were.');
    const cpuMsPerCallSecond = (after.cpu - before.cpu) / calls / (windowMs / 1_000);
    return {
      cpuMsPerCallSecond: rounded(cpuMsPerCallSecond, 3),
      callsPerCore: rounded(1_000 / cpuMsPerCallSecond, 1),
      ...result,
      ...(lostAt !== undefined && { loss: this.loss(lost, rest, lostAt) }),
      rssMbPerCall: rounded((rssLoadedMb - rssIdleMb) / calls, 3),
      conditions: {
        audioPiecesPerCallSecond: rounded(piecesHeard / calls / (windowMs / 1_000), 1),
        waitShare: rounded((after.waited - before.waited) / windowMs, 3),
        simulatorsCpuShare: rounded(simulatorsCpuShare, 3),
        simulatorsLagMs: rounded(lag.percentile(99) / 1e6, 1),
        rssWarmMb: rounded(rssWarmMb, 1),
        rssIdleMb: rounded(rssIdleMb, 1),
        rssLiveMb: rounded(rssLiveMb, 1),
        rssLoadedMb: rounded(rssLoadedMb, 1),
      },
      problems: [...new Set(problems)].slice(0, 20),
    };
  }

  /** A few short calls, so that the code is compiled and the sockets are open; then quiet. */
  private async warmUp(webhookUrl: string): Promise<void> {
    const maxDurationMs = GREETING_MS + WARM_UP_TURNS * (SPEAKING_MS + WARM_UP_LISTENING_MS) + TAIL_MS;
    const calls = Array.from({ length: WARM_UP_CALLS }, (_, i) =>
      this.world.twilio.ring({
        webhookUrl,
        script: conversation(`w${i}`, WARM_UP_TURNS, WARM_UP_LISTENING_MS),
        maxDurationMs,
      }),
    );
    await Promise.all(calls.map((call) => call.ended));
    this.world.openai.requests.length = 0;
    this.world.cartesia.contexts.length = 0;
    this.world.deepgram.connections.length = 0;
    await sleep(IDLE_MS);
  }

  private ring(webhookUrl: string, i: number, turns: number, maxDurationMs: number): Ringing {
    const call = this.world.twilio.ring({ webhookUrl, script: conversation(i, turns), maxDurationMs });
    return { call, meter: new CallMeter(call) };
  }

  private results(
    ringing: Ringing[],
    inWindow: (at: number) => boolean,
    problems: string[],
  ): Pick<Outcome, 'addedLatencyMs' | 'bargeInMs' | 'turns' | 'missedTurns' | 'interruptions' | 'missedInterruptions'> {
    const thinking = byTurn(this.world.openai.requests, (request) => [
      request.messages.findLast(({ role }) => role === 'user')?.text,
      request.firstTokenAfterMs,
    ]);
    const speaking = byTurn(this.world.cartesia.contexts, (context) => [context.transcript, context.firstAudioAfterMs]);
    const listened = new Map<string, number>();
    for (const { transcripts, audioBytes } of this.world.deepgram.connections) {
      const name = nameIn(transcripts[0] ?? '');
      if (name !== undefined) listened.set(name, audioBytes / 160);
    }

    const added: number[] = [];
    const bargeIns: number[] = [];
    let turns = 0;
    let interruptions = 0;
    for (const { meter } of ringing) {
      const heard = listened.get(meter.turns[0]?.name ?? '');
      // Where the STT got less than was said, its clock is not the caller's, and the numbers mean nothing.
      if (heard !== undefined && meter.sent.length - heard > FRAMES_UNDER_WAY) {
        problems.push('Audio of the caller was lost before it reached the STT.');
      }
      meter.turns.forEach((turn, i) => {
        if (inWindow(meter.endedAt(turn))) {
          turns++;
          const [thought, spoke] = [thinking.get(turn.name), speaking.get(turn.name)];
          if (turn.answeredAt !== undefined && thought !== undefined && spoke !== undefined) {
            added.push(turn.answeredAt - meter.turnEndKnownAt(turn) - thought - spoke);
          }
        }
        const previous: Turn | undefined = meter.turns[i - 1];
        if (!previous || !isLong(i - 1) || previous.answeredAt === undefined || !inWindow(meter.beganAt(turn))) return;
        interruptions++;
        if (turn.clearedAt !== undefined) bargeIns.push(turn.clearedAt - meter.firstWordKnownAt(turn));
      });
    }
    if (turns === 0) problems.push('Nobody said anything in the window.');
    if (added.length === 0) problems.push('No turn was answered.');
    const at = (values: number[], share: number): number => rounded(percentile(values, share), 2);
    return {
      addedLatencyMs: { p50: at(added, 0.5), p95: at(added, 0.95), p99: at(added, 0.99) },
      bargeInMs: { p50: at(bargeIns, 0.5), p99: at(bargeIns, 0.99) },
      turns,
      missedTurns: turns - added.length,
      interruptions,
      missedInterruptions: interruptions - bargeIns.length,
    };
  }

  private loss(lost: Ringing[], rest: Ringing[], lostAt: number): Loss {
    const soon = (at: number): boolean => at >= lostAt && at < lostAt + AFTER_LOSS_MS;
    const { turns, addedLatencyMs } = this.results(rest, soon, []);
    const waited = lost.map(({ meter }) => meter.heardAgainAt - lostAt);
    return {
      calls: lost.length,
      apologyMs: rounded(Math.max(...waited), 0),
      others: { turns, addedLatencyMs: { p50: addedLatencyMs.p50, p99: addedLatencyMs.p99 } },
    };
  }

  /** What the providers refused: a system that asks wrongly does other work than it should. */
  private refused(): string[] {
    const { deepgram, openai, cartesia } = this.world;
    return [
      ...deepgram.refusals.splice(0).map(({ message }) => `Deepgram refused: ${message}`),
      ...openai.refusals.splice(0).map(({ message }) => `OpenAI refused: ${message}`),
      ...cartesia.refusals.splice(0).map(({ message }) => `Cartesia refused: ${message}`),
      ...cartesia.connections.splice(0).flatMap(({ errors }) => errors.map((error) => `Cartesia: ${error}`)),
    ];
  }
}

/** The delays of a provider by the turn whose name is in the text. */
function byTurn<T>(
  log: readonly T[],
  read: (entry: T) => [text: string | undefined, ms: number | undefined],
): Map<string, number> {
  const delays = new Map<string, number>();
  for (const entry of log) {
    const [text, ms] = read(entry);
    const name = nameIn(text ?? '');
    if (name !== undefined && ms !== undefined) delays.set(name, ms);
  }
  return delays;
}

function callProblem(call: Call): string {
  const { endedBy, reason, failure } = call.report();
  return `A call ended too early, by ${endedBy}: ${failure ?? reason}`;
}

async function until(at: number): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await sleep(ms);
}

const tell = (message: FromCallers): void => void process.send?.(message);
let callers: Callers | undefined;

async function obey(message: ToCallers): Promise<void> {
  if ('stage' in message) {
    callers = await Callers.start(message.stage);
    tell({ addresses: callers.addresses });
  } else if ('job' in message) {
    if (callers) tell({ outcome: await callers.measure(message.job) });
  } else {
    await callers?.stop();
    process.disconnect();
  }
}

process.on('message', (message: ToCallers) => {
  obey(message).catch((error: unknown) => {
    tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});
// The driver has gone: nobody wants to know any more.
process.on('disconnect', () => process.exit(0));
