/** A Node-RED of any version in a process of its own, as a user starts it; for tests that look at it from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A port of the loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export class NodeRedProcess {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly lines: string[],
  ) {}

  /** What Node-RED has logged. */
  get log(): string {
    return this.lines.join('');
  }

  /**
   * Starts `red.js` of the Node-RED in a folder, with a user directory, and waits until it answers.
   * @param more further settings, e.g. `httpAdminRoot`
   * @param port default one that is free
   */
  static async start(
    nodeRedDir: string,
    userDir: string,
    flows: object[] = [],
    more: Record<string, unknown> = {},
    port?: number,
  ): Promise<NodeRedProcess> {
    if (port !== undefined) return NodeRedProcess.startAt(port, nodeRedDir, userDir, flows, more);
    for (let tries = 1; ; tries++) {
      try {
        return await NodeRedProcess.startAt(await freePort(), nodeRedDir, userDir, flows, more);
      } catch (err) {
        // Whoever runs beside this may have taken it meanwhile.
        if (tries === 5 || !(err instanceof Error && err.message.includes('port in use'))) throw err;
      }
    }
  }

  private static async startAt(
    port: number,
    nodeRedDir: string,
    userDir: string,
    flows: object[],
    more: Record<string, unknown>,
  ): Promise<NodeRedProcess> {
    writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows));
    const settings = {
      uiHost: '127.0.0.1',
      uiPort: port,
      flowFile: 'flows.json',
      credentialSecret: 'test',
      telemetry: { enabled: false, updateNotification: false },
      editorTheme: { tours: false },
      logging: { console: { level: 'info', metrics: false, audit: false } },
      ...more,
    };
    writeFileSync(join(userDir, 'settings.js'), `module.exports = ${JSON.stringify(settings, null, 2)};\n`);
    const red = join(nodeRedDir, 'red.js');
    const child = spawn(process.execPath, [red, '--userDir', userDir], {
      cwd: userDir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    const process_ = new NodeRedProcess(`http://127.0.0.1:${port}`, child, lines);
    const until = Date.now() + 60_000;
    while (!process_.log.includes('Started flows')) {
      if (child.exitCode !== null || Date.now() > until) {
        child.kill('SIGKILL');
        throw new Error(`Node-RED did not start:\n${process_.log}`);
      }
      await sleep(100);
    }
    return process_;
  }

  /** A GET of the admin API. */
  async get(path: string, accept = 'application/json'): Promise<Response> {
    const response = await fetch(this.url + path, { headers: { accept, 'accept-language': 'en-US' } });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
    return response;
  }

  async json<T>(path: string): Promise<T> {
    return (await (await this.get(path)).json()) as T;
  }

  /** Ends it, unless told otherwise as Ctrl-C does. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
  }
}
