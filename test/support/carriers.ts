/**
 * The carrier that flow tests run on: CARRIER=telnyx in the environment, else Twilio, whose ends the examples ship with. One suite for
 * both; where the two cannot be the same, a test names the difference, and the table below says why.
 */
import type { RingOptions } from '../../simulators/phone/carrier';
import type { CallReport } from '../../simulators/phone/report';
import type { RemoteWorld } from '../../simulators/remote';
import { onTelnyx, onTwilio } from './flows';
import type { FlowNode } from './runtime';

export type CarrierName = 'twilio' | 'telnyx';

/** The carrier of this run. */
export const CARRIER = chosen(process.env.CARRIER);
/** Types of the nodes at a flow's two ends, and of their account. */
export const IN = `${CARRIER}-in`;
export const OUT = `${CARRIER}-out`;
export const ACCOUNT = `${CARRIER}-account`;
export const DIAL = `${CARRIER}-dial`;

interface Difference {
  twilio: string;
  telnyx: string;
  why: string;
}

/**
 * All in which a story differs by carrier. Each entry is named by a test and each name is in the table:
 * test/unit/structure/carriers.test.ts sees to both.
 */
export const DIFFERENCES = {
  'knocking from outside': {
    twilio: 'a form, signed by HMAC with the auth token over the URL',
    telnyx: 'JSON, signed by ed25519 with a time over the raw body',
    why: 'each company has its own webhook; what must not come of a forged one is the same',
  },
  'GET and JSON webhooks': {
    twilio: 'the number may be set to GET, and JSON comes with bodySHA256',
    telnyx: 'always a JSON POST',
    why: 'Call Control knows no other form',
  },
  'signed upgrade': {
    twilio: 'the upgrade of the media socket is signed: without it 401, with a wrong one 403',
    telnyx: 'not signed: a token in the path, good for one upgrade within 15 s, is all that is checked',
    why: 'Telnyx signs webhooks only',
  },
  'time in the signature': {
    twilio: 'none: a webhook is known again by its call',
    telnyx: 'a webhook more than 300 s off is refused; within that it is known again by its id',
    why: "Telnyx's signature covers a time, Twilio's does not",
  },
  'what the webhook answers': {
    twilio: 'TwiML: connect, a busy line, a hang-up',
    telnyx: '200 and nothing else; what is to be done is commanded by REST',
    why: 'Call Control is steered by commands, TwiML by answers',
  },
  'key beside the token': {
    twilio: 'the REST API takes an API key of its own, so that the auth token only signs',
    telnyx: 'one API key, without which no call can even be answered',
    why: 'Telnyx signs with a key pair that opens nothing',
  },
  'voice without REST': {
    twilio: 'while the REST API is down, the end of the stream makes Twilio ask `next`, which has the words',
    telnyx: 'none: a command is tried three times; a REST API that stays down leaves the clip of the apology only',
    why: 'nothing that the application does on the media socket makes Telnyx ask for orders',
  },
  'broken stream': {
    twilio: 'Twilio may end the call with it, or ask `next`, whose answer connects the caller again',
    telnyx: 'the call goes on, and a new stream is started by command',
    why: 'what becomes of a call without a stream is decided by TwiML at Twilio, by nobody at Telnyx',
  },
  'odd media': {
    twilio: 'timestamps that are later than their audio',
    telnyx: 'frames that come out of order',
    why: 'Twilio promises the order of frames, Telnyx does not',
  },
  'a number that nobody has': {
    twilio: 'the dial is taken, and fails before it rings',
    telnyx: 'the dial is announced as any other, and then hung up with a cause',
    why: '`call.initiated` comes for every dial, `ringing` for those that ring',
  },
  'a machine and its beep': {
    twilio: 'one result: at once who it is, or at the end of the greeting that there was a beep',
    telnyx: 'two: who it is, and then that there was a beep',
    why: 'MachineDetection is Enable or DetectMessageEnd; Telnyx tells both by webhooks of their own',
  },
  'how a dial is answered': {
    twilio: 'Twilio asks for TwiML when somebody answers',
    telnyx: 'the stream comes with the dial, and no command is needed',
    why: 'TwiML is fetched when it is carried out',
  },
  'how a dial is refused': {
    twilio: 'by an error code of its own, such as 21215 for a country that is not allowed',
    telnyx: 'by 422, with the field that is wrong',
    why: 'each API has its own errors',
  },
  'where recordings are': {
    twilio: "below the account, one by one, and listed below their call; the report's delay is an option of the call",
    telnyx: 'in a list of the account, filtered by call; the report is a webhook that may be late',
    why: 'each API has its own places, and reports in its own way',
  },
  'who spoke, in a transcript': {
    twilio: 'each piece names the side that it was said on',
    telnyx: 'only some engines name it, and the one that is taken where none is chosen does not',
    why: 'Telnyx passes on what the engine tells',
  },
} as const satisfies Record<string, Difference>;

export type DifferenceName = keyof typeof DIFFERENCES;

/** Declares tests that exist on one carrier only, for a reason in the table. */
export function onlyOn(carrier: CarrierName, difference: DifferenceName, declare: () => void): void {
  known(difference);
  if (carrier === CARRIER) declare();
}

/** What a test needs of this run's carrier, where the two differ as the table says. */
export function byCarrier<T>(difference: DifferenceName, own: Record<CarrierName, T>): T {
  known(difference);
  return own[CARRIER];
}

/** A flow as the examples are, with the ends of this run's carrier. */
export function atCarrier(flows: readonly FlowNode[]): FlowNode[] {
  return CARRIER === 'telnyx' ? onTelnyx(flows) : [...flows];
}

/** Likewise for a flow whose ends are Telnyx's as shipped. */
export function fromTelnyx(flows: readonly FlowNode[]): FlowNode[] {
  return CARRIER === 'twilio' ? onTwilio(flows) : [...flows];
}

/** The webhook's path in a flow of `atCarrier`, from the one in the example. */
export function pathAtCarrier(path: string): string {
  return path.replace('/twilio/', `/${CARRIER}/`);
}

/** Somebody rings by way of this run's carrier, where the simulators are in another process; resolves at the call's end. */
export function ringFarAway(world: RemoteWorld, options: RingOptions): Promise<CallReport> {
  return CARRIER === 'telnyx' ? world.ringTelnyx(options) : world.ring(options);
}

function known(difference: string): void {
  if (!Object.hasOwn(DIFFERENCES, difference)) throw new Error(`The table of differences has no "${difference}".`);
}

function chosen(name = 'twilio'): CarrierName {
  if (name === 'twilio' || name === 'telnyx') return name;
  throw new Error(`There is no carrier "${name}": CARRIER is twilio or telnyx.`);
}
