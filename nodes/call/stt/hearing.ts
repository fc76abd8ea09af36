import type { Backlog } from './backlog';
import type { Hearing } from './connection';
import type { StreamMap } from './stream-map';
import type { Turn } from './turn';

export interface HearingOptions {
  turn: Turn;
  backlog: Backlog;
  /** Of the connection that hears. */
  map: () => StreamMap;
  /** ms on the call's clock */
  now: () => number;
  failed: Hearing['failed'];
}

/** What a connection hears, told to the turn in the times of the call. */
export function inCallTime({ turn, backlog, map, now, failed }: HearingOptions): Hearing {
  const said = (pos: number): number => Math.min(backlog.log.clockAt(pos), now());
  const clock = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : said(map().posAt(ms)));
  const started = (startMs: number, withinMs: number): number => {
    const pos = map().posAt(startMs);
    return said(withinMs === 0 ? pos : backlog.voiceFrom(pos, map().posAt(startMs + withinMs)));
  };
  const stopped = (endMs: number, withinMs: number): number => {
    const pos = map().posAt(endMs);
    return said(withinMs === 0 ? pos : backlog.voiceUpTo(map().posAt(Math.max(0, endMs - withinMs)), pos));
  };
  return {
    speech: (startMs, withinMs = 0) => turn.started(started(startMs, withinMs)),
    silence: (endMs, withinMs = 0) => turn.stopped(stopped(endMs, withinMs)),
    partial: (text, startMs) => turn.partial(text, clock(startMs) ?? now(), clock(startMs)),
    eager: (text, endMs) => turn.eager(text, clock(endMs) ?? backlog.voiceAt),
    resumed: (text) => turn.resumed(text),
    end: (text, endMs) =>
      turn.end(text, clock(endMs) ?? (turn.kept === '' || text !== '' ? backlog.voiceAt : undefined)),
    failed,
    settled: (upToMs) => backlog.settle(map().posAt(upToMs)),
  };
}
