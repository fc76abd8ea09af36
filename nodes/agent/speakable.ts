/**
 * Makes what a model writes speakable, while it streams: no markdown, emoji, link targets, bullets, headings, code fences.
 * Numbers, punctuation and tags that a TTS may know (`<break/>`) stay as they are. Of a bare web address its host is left,
 * for that is what people say.
 */
export class Speakable {
  /** Raw text that cannot be judged before more of it has come. */
  private pending = '';
  private lineStart = true;
  /** Line breaks since the last text. */
  private breaks = 0;
  /** The line is a heading or a list's: it ends where it ends, whatever its punctuation. */
  private listed = false;
  private last = '';

  /** Takes a piece of any length and gives what is speakable so far; may be nothing yet. */
  push(raw: string): string {
    if (this.pending === '' && !this.lineStart && PLAIN.test(raw) && !ADDRESS.test(raw)) return this.plain(raw);
    this.pending += raw;
    return this.scan(false);
  }

  /** The rest, when no more will come. */
  flush(): string {
    return this.scan(true);
  }

  /** A token with nothing in it to be judged: most are. */
  private plain(raw: string): string {
    let text = raw;
    if (/\s/.test(this.last) && /^\s/.test(raw)) text = raw.trimStart();
    if (text !== '') this.last = text.charAt(text.length - 1);
    return text;
  }

  private scan(final: boolean): string {
    const text = this.pending;
    let out = '';
    let at = 0;
    while (at < text.length) {
      if (this.lineStart) {
        const opening = lineOpening(text.slice(at), final);
        if (opening === 'more') break;
        at += opening.length;
        if (opening.empty) {
          at += /^\r?\n/.exec(text.slice(at))?.[0].length ?? 0;
          this.breaks++;
          continue;
        }
        this.lineStart = false;
        if (this.breaks > 0 && this.last !== '') {
          const ends = opening.starts || this.listed || this.breaks > 1;
          out += this.emit(ends && /[\p{L}\p{N})"'”]/u.test(this.last) ? '. ' : ' ');
        }
        this.breaks = 0;
        this.listed = opening.starts;
        continue;
      }
      const step = readStep(text, at, this.last, final);
      if (step === 'more') break;
      at += step.length;
      if (step.newline) {
        this.lineStart = true;
        this.breaks++;
      } else out += this.emit(step.text);
    }
    this.pending = text.slice(at);
    if (final) this.pending = '';
    return out;
  }

  /** Never two spaces in a row, and none before the first word. */
  private emit(text: string): string {
    if (text === '') return '';
    const blank = text.trim() === '';
    if (blank && (this.last === '' || /\s/.test(this.last))) return '';
    const clean = /^\s/.test(text) && (this.last === '' || /\s/.test(this.last)) ? text.trimStart() : text;
    this.last = clean.charAt(clean.length - 1);
    return clean;
  }
}

/** Words and punctuation that are spoken as they stand and can begin nothing else. */
const PLAIN = /^ ?[A-Za-z0-9'’,;:.?]*$/;
/** ... unless a web address is in them, or may begin with them. */
const ADDRESS = /\b(?:h|ht|htt|https?|https?:|w|ww|www)$|www\.|https?:/i;

const MORE = 'more' as const;

interface Opening {
  length: number;
  /** A bullet, a heading: what stood before has ended, whatever its punctuation. */
  starts: boolean;
  /** Nothing at all stands in this line. */
  empty?: boolean;
}

/** What stands at the start of a line and is not spoken. */
function lineOpening(text: string, final: boolean): Opening | typeof MORE {
  const blank = /^[ \t]*/.exec(text)?.[0].length ?? 0;
  const rest = text.slice(blank);
  if (rest === '') return final ? { length: blank, starts: false } : MORE;
  if (/^\r?\n/.test(rest)) return { length: blank, starts: false, empty: true };
  if (rest === '\r' && !final) return MORE;
  const fence = /^(```|~~~)[^\n]*(\n|$)/.exec(rest);
  if (fence) return fence[2] === '\n' || final ? { length: blank + fence[0].length, starts: true } : MORE;
  const rule = /^([-*_])[ \t]*(\1[ \t]*){2,}(\r?\n|$)/.exec(rest);
  if (rule) return rule[3] !== '' || final ? { length: blank + rule[0].length, starts: true } : MORE;
  const mark = /^(#{1,6}|[-*+•‣▪–>])[ \t]+/.exec(rest);
  if (mark) {
    if (mark[0].length === rest.length && !final) return MORE;
    const inner = lineOpening(rest.slice(mark[0].length), final);
    return inner === MORE ? MORE : { length: blank + mark[0].length + inner.length, starts: true };
  }
  const undecided = /^([-*_][-*_ \t]*|#{1,6}|[+•‣▪–>]|`{1,2}|~{1,2})$/.test(rest);
  return undecided && !final ? MORE : { length: blank, starts: false };
}

interface Step {
  length: number;
  text: string;
  newline?: boolean;
}

const DROP =
  /^(\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\u200d|\ufffd|\ufe0e|\ufe0f|\u20e3|[\u{e0020}-\u{e007f}])/u;
const SPOKEN_SIGNS = new Set(['©', '®', '™']);
/** A link label or address that is longer is none. */
const MAX_LINK = 500;

/** Reads one thing at `at`: a character mostly, a whole link or address where one stands. */
function readStep(text: string, at: number, before: string, final: boolean): Step | typeof MORE {
  const char = text.charAt(at);
  const next = text.charAt(at + 1);
  switch (char) {
    case '\n':
      return { length: 1, text: '', newline: true };
    case '\r':
      return { length: 1, text: '' };
    case '`':
      return { length: 1, text: '' };
    case '|':
      return { length: 1, text: ' ' };
    case '*':
    case '_':
    case '~':
      return readEmphasis(text, at, before, final);
    case '!':
      if (next === '' && !final) return MORE;
      return next === '[' ? { length: 1, text: '' } : { length: 1, text: char };
    case '[':
      return readLink(text, at, final);
    case 'h':
    case 'H':
    case 'w':
    case 'W':
      return /[\p{L}\p{N}]/u.test(before) ? { length: 1, text: char } : readAddress(text, at, final);
  }
  if (char.charCodeAt(0) < 0x80) return { length: 1, text: char };
  if (/[\ud800-\udbff]/.test(char) && next === '') return final ? { length: 1, text: '' } : MORE;
  const symbol = DROP.exec(text.slice(at, at + 2))?.[0];
  if (symbol !== undefined && !SPOKEN_SIGNS.has(symbol)) return { length: symbol.length, text: '' };
  const whole = String.fromCodePoint(text.codePointAt(at) ?? 0x20);
  return { length: whole.length, text: whole };
}

/** Asterisks and underlines around words go; `2 * 3` and `snake_case` stay. */
function readEmphasis(text: string, at: number, before: string, final: boolean): Step | typeof MORE {
  const char = text.charAt(at);
  let end = at;
  while (text.charAt(end) === char) end++;
  const length = end - at;
  if (end === text.length && !final) return MORE;
  const after = text.charAt(end);
  const spaced = (before === '' || /\s/.test(before)) && (after === '' || /\s/.test(after));
  const inWord = char === '_' && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
  const spoken = length === 1 && (spaced || inWord || char === '~');
  return { length, text: spoken ? char : '' };
}

/** `[label](target)` is spoken as its label; other brackets stay. */
function readLink(text: string, at: number, final: boolean): Step | typeof MORE {
  const rest = text.slice(at, at + MAX_LINK);
  const link = /^\[([^\]\n]*)\]\([^)\n]*\)/.exec(rest);
  if (link) return { length: link[0].length, text: (link[1] ?? '').replace(/[*_`]/g, '') };
  const mayBecome = /^\[[^\]\n]*(\](\([^)\n]*)?)?$/.test(rest);
  return mayBecome && !final && rest.length < MAX_LINK ? MORE : { length: 1, text: '[' };
}

/** Of `https://www.acme.com/path?x=1` is said `acme.com`. */
function readAddress(text: string, at: number, final: boolean): Step | typeof MORE {
  const rest = text.slice(at, at + MAX_LINK);
  const address = /^(?:https?:\/\/(?:www\.)?|www\.)([^\s<>"'()[\]]*)/i.exec(rest);
  if (!address) {
    const mayBecome = /^(h|ht|htt|https?|https?:|https?:\/|w|ww|www)$/i.test(rest);
    return mayBecome && !final ? MORE : { length: 1, text: rest.charAt(0) };
  }
  const ended = address[0].length < rest.length || final || rest.length >= MAX_LINK;
  if (!ended) return MORE;
  const whole = address[1] ?? '';
  const trailing = /[.,;:!?*_]*$/.exec(whole)?.[0] ?? '';
  const host = whole.slice(0, whole.length - trailing.length).split(/[/?#]/)[0] ?? '';
  return { length: address[0].length - trailing.length, text: host };
}
