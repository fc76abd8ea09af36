import type { UtteranceKind } from '../call/message';
import type { PlaybackRecord } from '../call/playback';

/** What the caller said, or the flow in the caller's name. */
export interface UserEntry {
  role: 'user';
  text: string;
}

/** What the agent said: the words that were heard count, the writer's own are kept beside them. */
export interface AssistantEntry {
  role: 'assistant';
  /** What the caller heard of it; while it is being spoken: so far as known. */
  heard: string;
  /** What the model (or the flow) wrote. */
  generated: string;
  /** True if the caller did not hear it to its end. */
  cut: boolean;
  kind: UtteranceKind;
  utteranceId: string;
}

export type Entry = UserEntry | AssistantEntry;

/** A message as the model is shown it. */
export interface ModelMessage {
  role: 'user' | 'assistant';
  text: string;
}

/**
 * Stands behind words that the caller cut off. The dash of a broken-off line is what models know from written dialogue;
 * a word in brackets they take for their own and begin to write, and then it is spoken.
 */
export const CUT_MARK = ' —';

/** How many entries a call keeps; the oldest go first. */
const MAX_ENTRIES = 2_000;

/** Whose words were what, in one call and for one agent: by what was heard. */
export class Conversation {
  /** All that was said in this call. */
  private log: Entry[] = [];
  /** What the model is to know. */
  private memory: Entry[] = [];
  private readonly speaking = new Map<string, AssistantEntry>();
  /** Counts the changes: a request that was made from an older revision knows something else. */
  revision = 0;

  /** The caller's words of a turn. */
  addUser(text: string): UserEntry {
    const entry: UserEntry = { role: 'user', text };
    this.add(entry);
    return entry;
  }

  /** More words of the same turn: one entry, not two. What was forgotten meanwhile stays forgotten. */
  joinUser(entry: UserEntry, text: string): void {
    if (!this.memory.includes(entry)) this.memory.push({ role: 'user', text });
    entry.text = `${entry.text} ${text}`;
    this.revision++;
  }

  /** The agent begins to say something. */
  open(utteranceId: string, kind: UtteranceKind): void {
    const entry: AssistantEntry = { role: 'assistant', heard: '', generated: '', cut: false, kind, utteranceId };
    this.speaking.set(utteranceId, entry);
    this.add(entry);
  }

  /** What the model wrote of it. */
  write(utteranceId: string, text: string): void {
    const entry = this.speaking.get(utteranceId);
    if (entry) entry.generated += text;
  }

  /**
   * The caller has heard of it what will ever be heard. Nothing heard, nothing said: the entry goes.
   * @returns the entry, if the utterance was this agent's
   */
  close(record: PlaybackRecord): AssistantEntry | undefined {
    const entry = this.speaking.get(record.id);
    if (!entry) return undefined;
    this.speaking.delete(record.id);
    this.revision++;
    entry.heard = record.heardText;
    entry.cut = record.state === 'interrupted';
    if (entry.heard === '') {
      this.log = this.log.filter((other) => other !== entry);
      this.memory = this.memory.filter((other) => other !== entry);
    }
    return entry;
  }

  /**
   * What the model is sent: the turn that is to be answered and so many complete turns before it.
   * What is still being spoken, uncut, will have been heard when the answer is: it counts as written.
   */
  messages(turnsKept: number): ModelMessage[] {
    let users = 0;
    let from = this.memory.length;
    while (from > 0) {
      if (this.memory[from - 1]?.role === 'user' && ++users > turnsKept + 1) break;
      from--;
    }
    // A turn begins with the caller's words; only the very first may begin with a greeting.
    while (from > 0 && from < this.memory.length && this.memory[from]?.role !== 'user') from++;
    const messages: ModelMessage[] = [];
    for (const entry of this.memory.slice(from)) {
      const text = entry.role === 'user' ? entry.text : this.said(entry);
      if (text !== '') messages.push({ role: entry.role, text });
    }
    return messages;
  }

  /** The agent is to know nothing of what was said so far. */
  forget(): void {
    this.memory = [];
    this.revision++;
  }

  /** The agent is to know this instead. */
  remember(messages: readonly ModelMessage[]): void {
    this.memory = messages
      .slice(-MAX_ENTRIES)
      .map(({ role, text }, index) =>
        role === 'user'
          ? { role, text }
          : { role, heard: text, generated: text, cut: false, kind: 'reply', utteranceId: `history-${index}` },
      );
    this.revision++;
  }

  /** All that was said, as plain data. */
  entries(): Entry[] {
    return this.log.map((entry) => ({ ...entry }));
  }

  private said(entry: AssistantEntry): string {
    if (this.speaking.has(entry.utteranceId)) return entry.generated.trim();
    return entry.cut ? entry.heard + CUT_MARK : entry.heard;
  }

  private add(entry: Entry): void {
    this.log.push(entry);
    this.memory.push(entry);
    if (this.log.length > MAX_ENTRIES) this.log.shift();
    if (this.memory.length > MAX_ENTRIES) this.memory.shift();
    this.revision++;
  }
}
