/** One element of a parsed document. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: (XmlElement | string)[];
}

/** Thrown with the line and column of the first offence. */
export class XmlError extends Error {}

const NAME = /[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?/y;
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * A strict parser for the XML that TwiML uses: elements, attributes, text, CDATA, comments, the declaration. A document that is not
 * well-formed is refused, as Twilio refuses it (error 12100); a lenient one would hide a missing escape in the application.
 */
export function parseXml(text: string): XmlElement {
  return new Parser(text).document();
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): XmlElement {
    if (this.text.charCodeAt(0) === 0xfeff) this.at++;
    if (this.text.startsWith('<?xml', this.at)) {
      const match =
        /<\?xml\s+version=(["'])1\.[01]\1(?:\s+encoding=(["'])[\w.-]+\2)?(?:\s+standalone=(["'])(?:yes|no)\3)?\s*\?>/y;
      match.lastIndex = this.at;
      if (!match.test(this.text)) this.fail('malformed XML declaration');
      this.at = match.lastIndex;
    }
    this.misc();
    if (this.text[this.at] !== '<') this.fail('expected the root element');
    const root = this.element();
    this.misc();
    if (this.at < this.text.length) this.fail('content after the root element');
    return root;
  }

  private misc(): void {
    for (;;) {
      this.space();
      if (!this.text.startsWith('<!--', this.at)) return;
      this.comment();
    }
  }

  private element(): XmlElement {
    this.at++; // <
    const name = this.name();
    const attributes: Record<string, string> = {};
    for (;;) {
      const spaced = this.space();
      if (this.eat('/>')) return { name, attributes, children: [] };
      if (this.eat('>')) return { name, attributes, children: this.content(name) };
      if (!spaced) this.fail(`expected white space or ">" in <${name}>`);
      const key = this.name();
      this.space();
      if (!this.eat('=')) this.fail(`attribute ${key} has no value`);
      this.space();
      if (Object.hasOwn(attributes, key)) this.fail(`attribute ${key} given twice`);
      attributes[key] = this.value(key);
    }
  }

  private content(name: string): (XmlElement | string)[] {
    const children: (XmlElement | string)[] = [];
    let text = '';
    const flush = (): void => {
      if (text) children.push(text);
      text = '';
    };
    for (;;) {
      if (this.at >= this.text.length) this.fail(`<${name}> is not closed`);
      if (this.eat('</')) {
        const closed = this.name();
        this.space();
        if (closed !== name || !this.eat('>')) this.fail(`</${closed}> closes <${name}>`);
        flush();
        return children;
      }
      if (this.text.startsWith('<!--', this.at)) this.comment();
      else if (this.eat('<![CDATA[')) text += this.upTo(']]>');
      else if (this.text[this.at] === '<') {
        flush();
        children.push(this.element());
      } else {
        const end = this.text.indexOf('<', this.at);
        const raw = this.text.slice(this.at, end < 0 ? undefined : end);
        if (raw.includes(']]>')) this.fail('"]]>" in text');
        text += this.unescape(raw);
        this.at += raw.length;
      }
    }
  }

  private value(key: string): string {
    const quote = this.text[this.at];
    if (quote !== '"' && quote !== "'") this.fail(`the value of ${key} is not quoted`);
    const end = this.text.indexOf(quote, this.at + 1);
    if (end < 0) this.fail(`the value of ${key} is not closed`);
    const raw = this.text.slice(this.at + 1, end);
    if (raw.includes('<')) this.fail(`"<" in the value of ${key}`);
    const value = this.unescape(raw);
    this.at = end + 1;
    return value;
  }

  private unescape(raw: string): string {
    // eslint-disable-next-line no-control-regex -- XML 1.0 forbids these characters
    if (/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(raw)) this.fail('control character');
    return raw.replace(/&(#x[\da-f]+|#\d+|\w+)?(;)?/gi, (all, body: string | undefined, closed: string | undefined) => {
      if (!body || !closed) return this.fail('"&" that is not an entity');
      if (!body.startsWith('#')) return ENTITIES[body] ?? this.fail(`unknown entity ${all}`);
      const code = /^#x/i.test(body) ? parseInt(body.slice(2), 16) : parseInt(body.slice(1), 10);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : this.fail(`no such character ${all}`);
    });
  }

  private comment(): void {
    this.at += 4;
    if (this.upTo('-->').includes('--')) this.fail('"--" in a comment');
  }

  private upTo(end: string): string {
    const found = this.text.indexOf(end, this.at);
    if (found < 0) this.fail(`"${end}" is missing`);
    const part = this.text.slice(this.at, found);
    this.at = found + end.length;
    return part;
  }

  private name(): string {
    NAME.lastIndex = this.at;
    const match = NAME.exec(this.text);
    if (!match) return this.fail('expected a name');
    this.at = NAME.lastIndex;
    return match[0];
  }

  private space(): boolean {
    const before = this.at;
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
    return this.at > before;
  }

  private eat(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private fail(what: string): never {
    const before = this.text.slice(0, this.at).split('\n');
    throw new XmlError(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${what}`);
  }
}
