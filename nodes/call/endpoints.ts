import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { NodeAPI } from 'node-red';
import { asError } from './errors';
import { gate, registry } from './heart';
import { onDeployed, slotOf } from './lifecycle';
import { readBody, refuseBody } from './raw-body';
import type { WithRawBody } from './raw-body';

/** No webhook of a phone company comes near this; more is refused with 413. */
const MAX_BODY_BYTES = 65_536;
/** How long a request waits for the end of a Deploy; phone companies wait 15 s for their answer. */
const GATE_WAIT_MS = 10_000;

/** A request to one of our paths; nothing of it has been believed yet. */
export interface EndpointRequest {
  method: string;
  /** What follows the node's path: `[]`, or a name and an id, as in `/next/CA01`. */
  sub: readonly string[];
  /** Path and query below httpNodeRoot, exactly as they came: with the public URL before it, what was signed. */
  url: string;
  headers: IncomingMessage['headers'];
  /** Exactly as it came; empty for an upgrade. */
  rawBody: Buffer;
}

/** What is answered; by default 200. */
export interface EndpointAnswer {
  status?: number;
  type?: string;
  body?: string;
  headers?: Record<string, string>;
}

/** What a carrier's in-node does on its path. It belongs to the node's id, not to an instance. */
export interface Endpoint {
  /** Names of the paths below its own, each followed by one id: `<path>/next/<id>`. */
  readonly names: readonly string[];
  /** Those of them that are upgraded to a WebSocket. */
  readonly upgrades: readonly string[];
  request(request: EndpointRequest): EndpointAnswer | Promise<EndpointAnswer>;
  /**
   * Where a carrier sends all to one path: true for what belongs to a call under way, and not to a new one. Only decides
   * whether the request waits for a Deploy.
   */
  isOfCall?(rawBody: Buffer): boolean;
  /** Takes over the socket, or refuses it with `refuseUpgrade`. */
  upgrade(request: EndpointRequest, raw: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Told after each Deploy why the path does not work, in words for the ops person; undefined where it does. */
  reachable(problem: string | undefined): void;
  /** Told of what a handler threw. */
  failed(error: Error): void;
}

interface Claim {
  owner: string;
  path: string;
  endpoint: Endpoint;
  /** False once the node has moved to another path; kept while calls live that were told this one. */
  current: boolean;
}

/** All claims, in their order, and who has which path. They outlive node instances: a Deploy is never a 404. */
const claims = new Set<Claim>();
const table = new Map<string, Claim>();
/** Why no request comes through at all; the settings of Node-RED do not change while it runs. */
let unreachable: string | undefined;
const mounted = new WeakSet();
const captured = new WeakSet();
const listening = new WeakSet();

/**
 * Claims a path for a node: told again by each instance of it. A path that another node has is decided when the flows have
 * started, for within one Deploy two nodes may change places.
 */
export function claimPath(RED: NodeAPI, owner: string, path: string, endpoint: Endpoint): void {
  unreachable = whyUnreachable(RED);
  endpoint.reachable(unreachable);
  if (RED.settings.httpNodeRoot === false || !RED.httpNode) return;
  const wanted = pathOf(path);
  const own = [...claims].filter((claim) => claim.owner === owner);
  for (const claim of own) claim.current = claim.path === wanted;
  let claim = own.find((each) => each.current);
  if (claim) claim.endpoint = endpoint;
  else claims.add((claim = { owner, path: wanted, endpoint, current: true }));
  if (!table.has(wanted)) table.set(wanted, claim);
  mount(RED);
}

/** For tests: how many paths are held. */
export function endpointCount(): number {
  return table.size;
}

/** Answers an upgrade with a status instead, and lets go of the socket. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  const body = `${text}\n`;
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nConnection: close\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** A path as it is looked up: percent-encoded as it comes over the wire, with no slash at its end. */
export function pathOf(path: string): string {
  return new URL(`http://x${path.startsWith('/') ? '' : '/'}${path}`).pathname.replace(/\/+$/, '');
}

function whyUnreachable(RED: NodeAPI): string | undefined {
  const settings = RED.settings as unknown as Record<string, unknown>;
  if (settings.httpNodeRoot === false || !RED.httpNode) {
    return 'no calls can come in - httpNodeRoot is false in the settings of Node-RED';
  }
  if (settings.httpNodeAuth) {
    return 'no calls can come in - httpNodeAuth asks for a password that the phone company has not (calls are checked by signature)';
  }
  return undefined;
}

// After each Deploy: paths whose node is gone are free, and conflicts are decided; whoever had a path keeps it.
onDeployed(() => {
  table.clear();
  // The goodbye of a node that was removed may still need its path; a node that stays comes first.
  for (const claim of claims) if (isGone(claim) && registry.callsOf(claim.owner).length === 0) claims.delete(claim);
  for (const claim of [...claims].sort((a, b) => Number(isGone(a)) - Number(isGone(b)))) {
    const taken = table.has(claim.path);
    if (!taken) table.set(claim.path, claim);
    if (isGone(claim)) continue;
    const conflict = `the path ${claim.path || '/'} belongs to another node - choose a different one`;
    claim.endpoint.reachable(unreachable ?? (taken ? conflict : undefined));
  }
});

/** True where no node answers for this path any more. */
function isGone(claim: Claim): boolean {
  return !claim.current || !slotOf(claim.owner)?.instance;
}

interface Target {
  claim: Claim;
  sub: string[];
}

/** The node that a path, or a path below it, belongs to. */
function find(pathname: string): Target | undefined {
  const path = pathname.replace(/\/+$/, '');
  const own = table.get(path);
  if (own) return alive({ claim: own, sub: [] });
  const idAt = path.lastIndexOf('/');
  const nameAt = path.lastIndexOf('/', idAt - 1);
  if (nameAt < 0) return undefined;
  const claim = table.get(path.slice(0, nameAt));
  const name = path.slice(nameAt + 1, idAt);
  if (!claim?.endpoint.names.includes(name)) return undefined;
  return alive({ claim, sub: [name, path.slice(idAt + 1)] });
}

function alive(target: Target): Target | undefined {
  const { claim } = target;
  if (!gate.isOpen || !isGone(claim) || registry.callsOf(claim.owner).length > 0) return target;
  if (table.get(claim.path) === claim) table.delete(claim.path);
  claims.delete(claim);
  return undefined;
}

// Express, as far as we touch it; 4 has `_router`, 5 has `router`.
type Next = (error?: unknown) => void;
type Handler = (req: WithRawBody, res: ServerResponse, next: Next) => void;
interface App {
  parent?: App;
  use(handler: Handler): unknown;
  path?(): string;
  once?(event: 'mount', listener: () => void): unknown;
  _router?: { stack: { handle: unknown }[] };
  router?: { stack: { handle: unknown }[] };
}

function mount(RED: NodeAPI): void {
  const app = RED.httpNode as unknown as App;
  const { server } = RED as unknown as { server?: Server };
  const root = (): string => {
    const path = app.parent ? (app.path?.() ?? '') : String(RED.settings.httpNodeRoot ?? '');
    return `/${path}`.replace(/\/{2,}/g, '/').replace(/\/+$/, '');
  };
  if (!mounted.has(app)) {
    mounted.add(app);
    // Before the http-in nodes: one of them may listen on everything.
    useFirst(app, (req, res, next) => dispatch(req, res, next));
    if (!app.parent) app.once?.('mount', () => capture(app, root));
  }
  capture(app, root);
  if (server && !listening.has(server)) {
    listening.add(server);
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => onUpgrade(req, socket, head, root()));
  }
}

/**
 * With the admin root at `/`, Node-RED's own body parser comes before us and eats the bytes that were signed. So the body
 * of a request to one of our paths is read at the very head of the root app.
 */
function capture(app: App, root: () => string): void {
  let top = app;
  while (top.parent) top = top.parent;
  if (top === app || captured.has(top)) return;
  captured.add(top);
  useFirst(top, (req, res, next) => {
    const url = below(root(), req.url ?? '/');
    if (req.method === 'GET' || url === undefined || !find(pathname(url))) return next();
    readBody(req, MAX_BODY_BYTES, (error) => (error ? refuseBody(req, res, error) : next()));
  });
}

function useFirst(app: App, handler: Handler): void {
  app.use(handler);
  const stack = (app._router ?? app.router)?.stack;
  const at = stack?.findIndex((layer) => layer.handle === handler) ?? -1;
  if (stack && at > 0) stack.unshift(...stack.splice(at, 1));
}

/** The part of a URL below a root; undefined where it lies elsewhere. */
function below(root: string, url: string): string | undefined {
  if (root === '') return url;
  if (!url.startsWith(root)) return undefined;
  const rest = url.slice(root.length);
  return rest.startsWith('/') ? rest : rest === '' || rest.startsWith('?') ? `/${rest}` : undefined;
}

function pathname(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** Express has taken httpNodeRoot off `req.url` by now. */
function dispatch(req: WithRawBody, res: ServerResponse, next: Next): void {
  const url = req.url ?? '/';
  if (!find(pathname(url))) return next();
  if (req.method !== 'POST' && req.method !== 'GET')
    return answer(res, { status: 405, headers: { allow: 'GET, POST' } });
  const serve = (): void => {
    handle(req, url).then(
      (result) => (result ? answer(res, result) : next()),
      () => answer(res, { status: 500, type: 'text/plain', body: 'Internal error' }),
    );
  };
  // What a GET carries besides its URL is not signed: nobody reads it.
  if (req.method === 'GET') return serve();
  readBody(req, MAX_BODY_BYTES, (error) => (error ? refuseBody(req, res, error) : serve()));
}

async function handle(req: WithRawBody, url: string): Promise<EndpointAnswer | undefined> {
  // A call under way is served whatever the flows do: its state is ours, and hanging up must not wait for a Deploy.
  const first = find(pathname(url));
  const ofCall = first !== undefined && (first.sub.length > 0 || isOfCall(first.claim, req));
  if (!ofCall && !(await gate.whenOpen(GATE_WAIT_MS))) {
    return { status: 503, type: 'text/plain', body: 'The flows are stopped.', headers: { 'retry-after': '5' } };
  }
  const target = find(pathname(url));
  if (!target) return undefined;
  const { endpoint } = target.claim;
  // What is left of a path that is given up serves the calls that it has, and takes no new ones.
  if (target.sub.length === 0 && isGone(target.claim) && !isOfCall(target.claim, req)) return undefined;
  if (endpoint.upgrades.includes(target.sub[0] ?? '')) return { status: 426, headers: { upgrade: 'websocket' } };
  try {
    return await endpoint.request(requestOf(req, url, target));
  } catch (err) {
    endpoint.failed(asError(err));
    throw err;
  }
}

function isOfCall({ endpoint }: Claim, req: WithRawBody): boolean {
  return endpoint.isOfCall?.(req.rawBody ?? Buffer.alloc(0)) ?? false;
}

function requestOf(req: WithRawBody, url: string, { sub }: Target): EndpointRequest {
  return { method: req.method ?? 'GET', sub, url, headers: req.headers, rawBody: req.rawBody ?? Buffer.alloc(0) };
}

function answer(res: ServerResponse, { status = 200, type, body = '', headers = {} }: EndpointAnswer): void {
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, {
    ...headers,
    ...(type !== undefined && { 'content-type': type }),
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  res.end(body);
}

/** One listener for each server. A socket that is not for us belongs to somebody else: it is left alone. */
function onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer, root: string): void {
  const url = below(root, req.url ?? '/');
  const target = url === undefined ? undefined : find(pathname(url));
  if (url === undefined || !target?.claim.endpoint.upgrades.includes(target.sub[0] ?? '')) return;
  const { endpoint } = target.claim;
  try {
    endpoint.upgrade(requestOf(req, url, target), req, socket, head);
  } catch (err) {
    endpoint.failed(asError(err));
    refuseUpgrade(socket, 500, 'Internal error');
  }
}
