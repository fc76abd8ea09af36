import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Carrier } from '../carrier';
import type { AnswerSettings } from '../dial/answer';
import type { CarrierCall, CarrierHost, CarrierStream } from './call';
import type { RecordedAudio, RecordingStore } from './control';
import { addDesk } from './desks';
import { refuseUpgrade } from '../endpoints';
import type { Endpoint, EndpointAnswer, EndpointRequest } from '../endpoints';
import { ProviderError } from '../errors';
import { registry } from '../heart';
import { copyCall } from '../message';
import type { CallInfo } from '../message';
import type { InSettings } from './in-settings';
import type { NodeSlot } from '../node-slot';
import { openCall } from './open-call';
import type { OpenedCall } from './open-call';
import { refused } from '../refused';
import { Reports } from './reports';
import { tellAfterwards } from './report-message';
import { Tokens } from './tokens';
import { workerPool } from '../workers/pool/pool';

/** A wrong signature is told to the ops person at most so often, ms: whoever knocks must not fill the log. */
const TELL_EVERY_MS = 60_000;
/** A frame comes every 20 ms: a socket on which nothing moves for so long has lost its other end, ms. */
const DEAD_AFTER_MS = 30_000;

/** What a front desk opens calls by: a carrier's settings name the account. */
export type DeskSettings = InSettings & { account: { publicUrl: string } };

/**
 * Answers what a carrier asks of one in-node: webhooks and media sockets. Belongs to the node's id, not to an instance.
 * Here is what no carrier has for itself: lines, the opening of a call, tokens, refusals, the node's status.
 */
export abstract class FrontDesk<Settings extends DeskSettings> implements Endpoint, RecordingStore {
  abstract readonly names: readonly string[];
  readonly upgrades = ['media'];
  protected readonly tokens = new Tokens();
  protected readonly reports: Reports;
  private toldAt = -Infinity;
  private problem: string | undefined;

  /** @param carrier `twilio`, `telnyx`, ...: names the errors */
  constructor(
    protected readonly slot: NodeSlot<Settings>,
    private readonly carrier: string,
  ) {
    this.reports = new Reports(
      () => this.secrets(),
      () => this.settings,
    );
    addDesk(slot, this);
  }

  /** Of the account: what goes out and comes back is sealed by the first; what was sealed by another is read, too. */
  protected abstract secrets(): readonly string[];
  abstract fetchRecording(recording: Readonly<Record<string, unknown>>): Promise<RecordedAudio>;
  abstract deleteRecording(recordingId: string): Promise<void>;

  doomRecordings(callId: string): Promise<number> {
    return Promise.resolve(this.reports.doom(callId));
  }

  abstract request(request: EndpointRequest): EndpointAnswer | Promise<EndpointAnswer>;
  abstract upgrade(request: EndpointRequest, raw: IncomingMessage, socket: Duplex, head: Buffer): void;

  /** Shows how many calls there are. */
  showCalls(): void {
    const problem = this.problem ?? (this.settings.workers && workerPool.problem);
    if (problem !== undefined) return this.showWords('red', problem);
    const count = registry.callsOf(this.slot.id).filter((call) => call.state !== 'ended').length;
    this.slot.show(
      count > 0
        ? { fill: 'green', shape: 'dot', text: 'common.status.calls', values: { count } }
        : { fill: 'blue', shape: 'ring', text: 'common.status.idle' },
    );
  }

  /** A new instance: what was wrong is told again if it still is. */
  anew(): void {
    this.problem = undefined;
  }

  reachable(problem: string | undefined): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.showCalls();
    if (problem) this.slot.fail(new ProviderError(this.carrier, 'settings', problem, { advice: '.' }));
  }

  failed(error: Error): void {
    this.slot.fail(error);
  }

  protected get settings(): Settings {
    return this.slot.settings;
  }

  /** Public URL and path, as deployed now. */
  protected get url(): string {
    const { account, path } = this.settings;
    return account.publicUrl + path.replace(/\/+$/, '');
  }

  protected showWords(fill: 'red' | 'yellow', text: string): void {
    this.slot.show({ fill, shape: 'ring', text, plain: true });
  }

  /** True where all lines are taken: a slot is taken by `open`, synchronously. */
  get full(): boolean {
    const { maxCalls, workers } = this.settings;
    return (
      registry.callsOf(this.slot.id).length >= maxCalls || (workers !== undefined && workerPool.full(this.slot.id))
    );
  }

  /** Told when a call comes that gets no line. */
  protected noteBusy(callId: string): void {
    const { busy, maxCalls } = this.settings;
    this.slot.log('warn', 'call.busy', callId, { lines: maxCalls, answer: busy, what: 'all lines are taken' });
  }

  /**
   * Opens a call: from here on it has its slot.
   * @param more what this carrier's calls need of the desk besides
   * @param answer for a call that we dial: what follows when it is answered
   */
  protected open<Stream extends CarrierStream, Host extends CarrierHost>(
    offer: Pick<CallInfo, 'direction' | 'from' | 'to'> & Partial<Pick<CallInfo, 'parameters'>>,
    carrier: CarrierCall<Stream, Host>,
    more: () => Omit<Host, keyof CarrierHost>,
    answer?: AnswerSettings,
  ): void {
    const info: CallInfo = {
      id: carrier.id,
      carrier: this.carrier,
      ...offer,
      startedAt: Date.now(),
      parameters: { ...this.settings.parameters, ...offer.parameters },
      media: { encoding: 'mulaw', sampleRate: 8000 },
    };
    const { slot, tokens } = this;
    const opened = this.openWhere(info, carrier, answer);
    const { call } = opened;
    const url = (): string => this.url;
    const host: CarrierHost = {
      tokens,
      get url() {
        return url();
      },
      fail: opened.fail,
      note: opened.note,
      expect: (kind) => this.reports.expect(kind, call.info),
      hearer: opened.hearer,
    };
    const { direction, from, to } = offer;
    slot.log('info', 'call.offered', info.id, { carrier: this.carrier, direction });
    slot.log('debug', 'call.parties', info.id, { from, to });
    this.showCalls();
    carrier.attach(call, Object.assign(host, more()) as Host);
  }

  /** In this thread, or in a worker, as the node is set. */
  private openWhere(info: CallInfo, carrier: Carrier, answer: AnswerSettings | undefined): OpenedCall {
    const { slot } = this;
    const counted = (): void => this.showCalls();
    const { workers } = slot.settings;
    return workers
      ? workerPool.open(slot, info, carrier, counted, answer)
      : openCall(slot, info, carrier, counted, answer);
  }

  /**
   * Tells a report of the carrier's: in the call's own stream of events while it lives, and by itself after that.
   * @param topic `call.recording`, `call.transcription`
   */
  protected tellReport(topic: string, payload: Record<string, unknown>, info: CallInfo): void {
    const call = registry.carried(info.id);
    if (call && call.state !== 'ended') return call.emit(topic, payload);
    const ended = { ...copyCall(info), endedAt: info.endedAt ?? Date.now() };
    if (this.settings.workers && workerPool.tellAfterwards(this.slot.id, topic, payload, ended)) return;
    tellAfterwards(this.slot, topic, payload, ended);
  }

  /**
   * Lets a media socket in by its token, which is used up.
   * @param find the live call of an id, if it is this carrier's
   */
  protected admit<C extends { admit(socket: WebSocket, tcp: Duplex): void }>(
    token: string,
    find: (callId: string) => C | undefined,
    server: WebSocketServer,
    { raw, socket, head }: { raw: IncomingMessage; socket: Duplex; head: Buffer },
  ): void {
    const call = find(this.tokens.consume(token) ?? '');
    if (!call) {
      refused.token++;
      return refuseUpgrade(socket, 403, 'No call expects this stream.');
    }
    server.handleUpgrade(raw, socket, head, (websocket) => {
      raw.socket.setTimeout(DEAD_AFTER_MS, () => websocket.terminate());
      call.admit(websocket, raw.socket);
    });
  }

  /**
   * A request was not signed as it must be: counted, and told at most once a minute.
   * @param words for the log; undefined where a browser may have strayed here, and nothing is to be told
   */
  protected countRefusal(status: string, words: string | undefined): void {
    refused.signature++;
    if (words === undefined || performance.now() - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = performance.now();
    this.showWords('yellow', status);
    this.slot.log('warn', 'webhook.refused', undefined, { what: words });
  }
}
