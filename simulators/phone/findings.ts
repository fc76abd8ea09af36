/**
 * What the phone company holds against the application, under the carrier's own error and warning codes, as the real one shows
 * them in its console. A correct application causes none.
 */
export interface Finding {
  /** The carrier's code, e.g. Twilio's 31951; 0 where the simulator has an opinion for which the carrier has no code. */
  code: number;
  severity: 'error' | 'warning';
  message: string;
  /** First time; in a report in ms since the call was answered. */
  atMs: number;
  /** How often it happened. */
  count: number;
}

/** Different findings kept of one call. */
const LIMIT = 200;

/** The findings of one call; the same one twice is counted, not listed again, so that a flood of bad frames stays small. */
export class Findings {
  readonly list: Finding[] = [];

  constructor(
    private readonly now: () => number,
    private readonly told: (finding: Finding) => void = () => {},
  ) {}

  error(code: number, message: string): void {
    this.add('error', code, message);
  }

  warning(code: number, message: string): void {
    this.add('warning', code, message);
  }

  private add(severity: Finding['severity'], code: number, message: string): void {
    const known = this.list.find((each) => each.code === code && each.message === message);
    if (known) {
      known.count++;
      return;
    }
    if (this.list.length >= LIMIT) return;
    const finding: Finding = { code, severity, message, atMs: Math.round(this.now()), count: 1 };
    this.list.push(finding);
    this.told(finding);
  }
}
