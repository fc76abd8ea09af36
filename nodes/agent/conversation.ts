import type { UtteranceKind } from '../call/message';
import type { PlaybackRecord } from '../call/playback';

/** What the caller said, or the flow in the caller's name. */
export interface UserEntry {
  role: 'user';
  text: string;
}

/** What the agent, or the flow beside it, said: the words that were heard count, the writer's own are kept beside them. */
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

/** The turn that is being answered: the caller's words, if any, and the utterance that answers them, once it is opened. */
export interface UnderWay {
  entry?: UserEntry | undefined;
  utteranceId?: string | undefined;
}

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
  /** Of these, what others say: their words stand in the playback. */
  private readonly others = new Map<string, PlaybackRecord>();
  /** Counts the changes: a request that was made from an older revision knows something else. */
  revision = 0;

  /** The caller's words of a turn. */
  addUser(text: string): UserEntry {
    const entry: UserEntry = { role: 'user', text };
    this.add(entry);
    return entry;
  }

  /** More words of the same turn: one entry, not two. */
  joinUser(entry: UserEntry, text: string): void {
    entry.text = `${entry.text} ${text}`;
    this.revision++;
  }

  /** The agent begins to say something. */
  open(utteranceId: string, kind: UtteranceKind): void {
    const entry: AssistantEntry = { role: 'assistant', heard: '', generated: '', cut: false, kind, utteranceId };
    this.speaking.set(utteranceId, entry);
    this.add(entry);
  }

  /**
   * Somebody else begins to be heard in this call: words of the flow, a notice. What the agent has written by then and nobody has
   * heard yet comes after it.
   */
  hear(record: PlaybackRecord): void {
    const { id, kind } = record;
    if (this.speaking.has(id)) return;
    const entry: AssistantEntry = { role: 'assistant', heard: '', generated: '', cut: false, kind, utteranceId: id };
    const unheard = (one: Entry): boolean => one.role === 'assistant' && this.speaking.has(one.utteranceId);
    for (const list of [this.log, this.memory]) {
      const at = list.findIndex(unheard);
      list.splice(at < 0 ? list.length : at, 0, entry);
      if (list.length > MAX_ENTRIES) list.shift();
    }
    this.speaking.set(id, entry);
    this.others.set(id, record);
    this.revision++;
  }

  /** What the model wrote of it. */
  write(utteranceId: string, text: string): void {
    const entry = this.speaking.get(utteranceId);
    if (entry) entry.generated += text;
  }

  /**
   * The caller has heard of it what will ever be heard. Nothing heard, nothing said: the entry goes.
   * @returns the entry, if the utterance is in this conversation
   */
  close(record: PlaybackRecord): AssistantEntry | undefined {
    const entry = this.speaking.get(record.id);
    if (!entry) return undefined;
    this.speaking.delete(record.id);
    this.revision++;
    if (this.others.delete(record.id)) entry.generated = record.text.trim();
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

  /** How many complete turns stand before the one that is to be answered, at most so many. */
  turns(atMost: number): number {
    const users = this.memory.filter(({ role }) => role === 'user').length;
    return Math.max(0, Math.min(atMost, users - 1));
  }

  /**
   * The agent is to know nothing of what was said so far.
   * @param underWay the turn that is being answered: its question and its answer stay, together
   */
  forget(underWay: UnderWay = {}): void {
    this.remember([], underWay);
  }

  /** The agent is to know this instead of what was said before the turn that is being answered. */
  remember(messages: readonly ModelMessage[], underWay: UnderWay = {}): void {
    const { entry, utteranceId } = underWay;
    const from = this.memory.findIndex(
      (one) => one === entry || (one.role === 'assistant' && one.utteranceId === utteranceId),
    );
    const kept = from < 0 ? [] : this.memory.slice(from);
    const given = messages.map(({ role, text }, index): Entry =>
      role === 'user'
        ? { role, text }
        : { role, heard: text, generated: text, cut: false, kind: 'reply', utteranceId: `history-${index}` },
    );
    this.memory = [...given, ...kept].slice(-MAX_ENTRIES);
    this.revision++;
  }

  /** All that was said, as plain data. */
  entries(): Entry[] {
    return this.log.map((entry) => ({ ...entry }));
  }

  private said(entry: AssistantEntry): string {
    const { utteranceId } = entry;
    if (this.speaking.has(utteranceId)) return (this.others.get(utteranceId)?.text ?? entry.generated).trim();
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
