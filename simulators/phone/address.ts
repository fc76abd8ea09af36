/** Where the applications of public hosts listen in truth: `{ 'agent.example.net': '127.0.0.1:1880' }`, the host with its port if it has one. */
export type Resolve = Record<string, string>;

/** A place on this machine. */
export interface Address {
  host: string;
  port: number;
}

/** Is this host name the machine itself? */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * The loopback address behind a URL. A simulator never leaves the machine: a host that is neither loopback nor in `resolve` has
 * no address, as a name that no DNS knows.
 */
export function addressOf(url: URL, resolve: Resolve): Address | undefined {
  const mapped = resolve[url.host] ?? resolve[url.hostname];
  if (mapped !== undefined) {
    const target = new URL(mapped.includes('://') ? mapped : `http://${mapped}`);
    return isLoopback(target.hostname) ? { host: bare(target.hostname), port: Number(target.port || 80) } : undefined;
  }
  if (!isLoopback(url.hostname)) return undefined;
  return { host: bare(url.hostname), port: Number(url.port || (/^(https|wss):$/.test(url.protocol) ? 443 : 80)) };
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
