/** The characters of spoken words with their times, as ElevenLabs sends them with a chunk of audio (contracts/elevenlabs.md 0 and 2). */
import type { SpokenWord } from '../audio';

/** One character; ms from the start of the stretch that was generated at once. */
export interface TimedCharacter {
  character: string;
  startMs: number;
  durationMs: number;
}

/** The characters of a stretch: those of a word share its time, the space behind it has the pause. */
export function charactersOf(words: readonly SpokenWord[], totalMs: number): TimedCharacter[] {
  return words.flatMap(({ text, startMs, endMs }, i) => {
    const all = [...text];
    const each = (endMs - startMs) / all.length;
    const nextMs = words[i + 1]?.startMs ?? totalMs;
    return [
      ...all.map((character, k) => ({ character, startMs: startMs + k * each, durationMs: each })),
      { character: ' ', startMs: endMs, durationMs: nextMs - endMs },
    ];
  });
}

/** How the server spells the keys: as recorded, as in snake case, or as in the published specification. */
export type Spelling = 'camel' | 'snake' | 'specification';

/** @param offsetMs added to each time */
export function alignmentOf(
  characters: readonly TimedCharacter[],
  offsetMs: number,
  spelling: Spelling,
): Record<string, unknown> {
  const chars = characters.map(({ character }) => character);
  const starts = characters.map(({ startMs }) => Math.round(startMs + offsetMs));
  const durations = characters.map(({ startMs, durationMs }, i) => {
    return Math.round(startMs + durationMs + offsetMs) - (starts[i] ?? 0);
  });
  if (spelling === 'snake') return { chars, char_start_times_ms: starts, char_durations_ms: durations };
  if (spelling === 'specification') return { chars, charsStartTimesMs: starts, charsDurationsMs: durations };
  return { chars, charStartTimesMs: starts, charDurationsMs: durations };
}
