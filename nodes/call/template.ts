import type { CallInfo } from './message';

/** What a template may name, besides the date. */
export interface TemplateValues {
  call: CallInfo;
  /** Environment variables by name: the flow's own first. */
  env: (name: string) => string | undefined;
  now?: Date;
  /** The message that is answered: what is none of the above is looked up in it, as in a template node. */
  message?: Readonly<Record<string, unknown>>;
}

const MINUTE_MS = 60_000;

/** Part of the time of day or year, as words. Slow to make and slow to ask, and the same for all turns of a minute: asked once in each. */
class Clock {
  private readonly format: Intl.DateTimeFormat;
  private minute = NaN;
  private words = '';

  constructor(options: Intl.DateTimeFormatOptions) {
    this.format = new Intl.DateTimeFormat('en-GB', options);
  }

  at(now: Date): string {
    const minute = Math.floor(now.getTime() / MINUTE_MS);
    if (minute !== this.minute) {
      this.words = this.format.format(now);
      this.minute = minute;
    }
    return this.words;
  }
}

const DATE = new Clock({ day: 'numeric', month: 'long', year: 'numeric' });
const TIME = new Clock({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const WEEKDAY = new Clock({ weekday: 'long' });

const PLACE = /\{\{\s*([\w.-]+)\s*\}\}/g;

/**
 * Fills in `{{call.from}}`, `{{call.to}}`, `{{call.parameters.x}}`, `{{env.NAME}}`, `{{date}}`, `{{time}}` and
 * `{{weekday}}` (the server's time zone). What is ours and unknown becomes nothing; what is not ours stays as it stands.
 * With a message `{{payload}}` and `{{customer.name}}` too.
 * Values are put in once and never read as a template themselves: they come from outside.
 */
export function fill(template: string, values: TemplateValues): string {
  if (!template.includes('{{')) return template;
  return template.replace(PLACE, (place, path: string) => valueOf(path, values) ?? place);
}

/** The names of the environment variables in a template. */
export function envNames(template: string): string[] {
  return [...template.matchAll(PLACE)].flatMap(([, path]) => (path?.startsWith('env.') ? [path.slice(4)] : []));
}

function valueOf(path: string, { call, env, now = new Date(), message }: TemplateValues): string | undefined {
  if (path.startsWith('env.')) return env(path.slice(4)) ?? '';
  if (path.startsWith('call.parameters.')) {
    const name = path.slice('call.parameters.'.length);
    return Object.hasOwn(call.parameters, name) ? call.parameters[name] : '';
  }
  switch (path) {
    case 'call.id':
      return call.id;
    case 'call.from':
      return call.from;
    case 'call.to':
      return call.to;
    case 'call.direction':
      return call.direction;
    case 'call.carrier':
      return call.carrier;
    case 'date':
      return DATE.at(now);
    case 'time':
      return TIME.at(now);
    case 'weekday':
      return WEEKDAY.at(now);
    default:
      if (path.startsWith('call.')) return '';
      return message && lookUp(message, path.split('.'));
  }
}

/** Own properties only; what is no text, number or truth value is nothing that could be said. */
function lookUp(value: unknown, [name, ...rest]: readonly string[]): string {
  if (name === undefined) {
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  }
  const known = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return known ? lookUp((value as Record<string, unknown>)[name], rest) : '';
}
