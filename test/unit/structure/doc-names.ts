/** The names in a page for users (nodes, topics, labels, fields), and whether this repository has them. */
import { dirname } from 'node:path/posix';
import { filesBelow, read } from './imports';

/** A row of a table: its cells, and the heading below which it stands. */
export interface Row {
  heading: string;
  cells: string[];
  line: string;
}

/** The rows of all tables of a text; heads (`Dialog`, `you have`) and rules are left out. */
export function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let heading = '';
  for (const line of text.split('\n')) {
    const [, title] = /^#+ (.*)$/.exec(line) ?? [];
    if (title !== undefined) heading = title.replaceAll('`', '');
    if (!line.startsWith('| ') || /^\| (---|Dialog|you have) \|/.test(line)) continue;
    rows.push({ heading, cells: line.slice(2, -2).split(' | '), line });
  }
  return rows;
}

/** What stands in backticks. */
export function spansOf(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
}

/** What is set in italics: labels and choices of edit dialogs. */
function labelsIn(text: string): string[] {
  const plain = text.replace(/`[^`]*`|\*\*[^*]*\*\*/g, '');
  return [...plain.matchAll(/\*([^*]+)\*/g)].map(([, label = '']) => label);
}

/** The addresses of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  const address = (title: string): string => title.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'); // prettier-ignore
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => address(title));
}

/** What a node type shows in its edit dialog, and all that its own files and the shared ones say. */
interface NodeFacts {
  labels: Set<string>;
  text: string;
}

/** The nodes of the package, by type. */
export const nodeTypes: ReadonlyMap<string, NodeFacts> = new Map(
  Object.entries(
    (JSON.parse(read('package.json')) as { 'node-red': { nodes: Record<string, string> } })['node-red'].nodes,
  ).map(([type, file]) => [type, factsOf(type, file)]),
);

function factsOf(type: string, file: string): NodeFacts {
  const base = file.replace(/^dist\//, '').replace(/\.js$/, '');
  const folder = dirname(base);
  const template = read(`${base}.html`);
  const shown = (key: string): boolean =>
    template.includes(`common.${key}"`) ||
    ['automatic', 'workers'].some((group) => key.startsWith(`${group}.`) && template.includes(`common.${group}.`));
  const labels = [
    ...textsOf(`${folder}/locales/en-US/${type}.json`),
    ...textsOf('nodes/call/locales/en-US/common.json').filter(([key]) => shown(key)),
  ].filter(([key]) => !/\b(tip|unit|placeholder|status|invalid|input|output)\./.test(key));
  const sources = [...filesBelow(folder), ...filesBelow('nodes/call', '.ts')];
  return { labels: new Set(labels.map(([, text]) => text)), text: sources.map(read).join('\n') };
}

/** All texts of a catalogue, with their dotted keys. */
function textsOf(file: string): [string, string][] {
  const leaves = (value: unknown, key: string): [string, string][] => {
    if (typeof value === 'string') return [[key, value]];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([name, inner]) => leaves(inner, key === '' ? name : `${key}.${name}`));
  };
  return leaves(JSON.parse(read(file)), '');
}

const readme = read('README.md');
const messages = read('docs/MESSAGES.md');
const topics = new Set<string>();
for (const line of messages.split('\n').filter((each) => each.startsWith('| '))) {
  let last = '';
  for (const name of spansOf(line.split(' | ')[0] ?? '')) {
    // `playback.started` `.finished`: the second has the first one's beginning.
    topics.add((last = name.startsWith('.') ? last.replace(/\.[^.]*$/, '') + name : name));
  }
}

/** Names that are Node-RED's or the shell's, and so stand nowhere in this repository. */
const OTHERS = new Set([
  'settings.js', 'uiPort', 'uiHost', 'https', 'httpNodeRoot', 'logging', 'level', 'PORT', 'CallerCity', 'curl',
  'fatal', 'error', 'warn', 'info', 'debug', 'trace', 'node.log', 'node.warn', 'node.error', "msg.payload = 'Hello'",
  'npm ci && npm start', 'npm run build', 'npm run bench', '.env', 'src/main.ts', 'this.x',
]); // prettier-ignore

/** What a name of one of our nodes looks like. */
export const NODE = /^(twilio|telnyx|deepgram|openai|cartesia|elevenlabs|llm|agent|call)-(in|out|dial|stt|tts|agent|account|say|tool|tool-result|control)$/; // prettier-ignore
const TOPIC = /^(call|playback|speech|transcript|reply|tool|agent)\.[a-z-]+$/;
/** Fields of a message that Node-RED, or a Catch node, brings. */
const FIELDS = new Set(['msg', 'topic', 'provider', 'cause']);

/**
 * What is wrong with the names in a text, in words.
 * @param near the types of the nodes that it is about, besides those that it names: their labels and words may be used
 * @param foreign other names that may be spoken of
 */
export function wrongIn(text: string, near: readonly string[], foreign: ReadonlySet<string>): string[] {
  const facts = [...near, ...spansOf(text)].flatMap((type) => nodeTypes.get(type) ?? []);
  const labels = labelsIn(text).filter((label) => !facts.some((node) => node.labels.has(label)));
  const spans = spansOf(text).flatMap((span) => wrongWith(span, facts, foreign) ?? []);
  return [...labels.map((label) => `no label "${label}"`), ...spans];
}

function wrongWith(span: string, facts: readonly NodeFacts[], foreign: ReadonlySet<string>): string | undefined {
  const [, variable] = /^\$\{(\w+)\}$/.exec(span) ?? [];
  if (variable !== undefined) {
    return variable === 'NAME' || readme.includes(`\`${variable}\``) ? undefined : `no variable "${span}"`;
  }
  if (NODE.test(span)) return nodeTypes.has(span) ? undefined : `no node "${span}"`;
  if (topics.has(span)) return undefined;
  if (TOPIC.test(span)) return `no topic "${span}"`;
  if (/^msg\.\S+$/.test(span)) {
    const known = span.split('.').every((part) => FIELDS.has(part) || isWordOf(part, messages));
    return known ? undefined : `no field "${span}"`;
  }
  if (OTHERS.has(span) || foreign.has(span.replace(/\(\)$/, '')) || isWordOf(span, messages)) return undefined;
  const name = span.replace(/^raw\./, '');
  return facts.some(({ text }) => isWordOf(name, text)) ? undefined : `nowhere "${span}"`;
}

/** True if the text has it as a whole, and not as a part of a longer name. */
function isWordOf(name: string, text: string): boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w-])${quoted}(?![\\w-])`).test(text);
}
