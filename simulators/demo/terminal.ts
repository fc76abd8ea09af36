import { styleText } from 'node:util';
import type { Call, CallReport } from '../twilio';
import type { DemoNodeRed } from './node-red';

type Style = Parameters<typeof styleText>[0];

/** Shows a call in the terminal, line by line as it happens. Times are seconds since the phone rang. */
export class Terminal {
  private rangAt = performance.now();

  welcome(nodeRed: DemoNodeRed): void {
    console.log(styleText('bold', '\nDialog for Node-RED: a phone voice agent, drawn.'));
    console.log(
      'Phone company, Deepgram, OpenAI and Cartesia are simulated on this machine: no key, no account, no network.',
    );
    if (nodeRed.port !== nodeRed.wanted) console.log(`Port ${nodeRed.wanted} is taken: this is the next free one.`);
    console.log(`Node-RED ${nodeRed.version}, editor: ${styleText('bold', nodeRed.url)}\n`);
  }

  rings(call: Call): void {
    this.rangAt = performance.now();
    this.line('phone', `${call.options.from} rings ${call.options.to}`);
    call.on('answered', () => this.line('phone', 'answered'));
    call.on('saying', (text) => this.line('caller', `"${text}"`, 'cyan'));
    call.on('clear', () => this.line('phone', 'the agent is cut off in mid-sentence', 'yellow'));
    call.on('finding', ({ code, message }) => this.line('phone', `${code} ${message}`, 'red'));
  }

  /** A message on a wire: what it tells about the talk is shown, once. */
  message(type: string, raw: unknown): void {
    const { topic, payload } = (raw ?? {}) as { topic?: string; payload?: string | Record<string, unknown> };
    if (type === 'deepgram-stt' && topic === 'transcript' && typeof payload === 'string') {
      this.line('heard', `"${payload}"`, 'dim');
    }
    if (type === 'llm-agent' && topic === 'turn') this.turn(payload);
    if (type !== 'twilio-in' || typeof payload !== 'object') return;
    if (topic === 'playback.finished') this.line('agent', `"${String(payload.heardText)}"`, 'green');
    if (topic === 'playback.interrupted') {
      this.line('agent', `"${String(payload.heardText)} ..." (${String(payload.reason)})`, 'yellow');
    }
  }

  ended(report: CallReport, wrong: readonly string[]): void {
    this.line('phone', `${report.reason || 'the call has ended'}, after ${(report.durationMs / 1000).toFixed(1)} s`);
    if (wrong.length === 0) {
      console.log(
        styleText(
          'green',
          '\nEach word was heard once and in order, the cut was clean, and nothing of the call is left.',
        ),
      );
    } else {
      console.log(styleText('red', '\nNot as it should be:'));
      for (const one of wrong) console.log(`  - ${one}`);
    }
  }

  invite(nodeRed: DemoNodeRed): void {
    console.log(`\nThe editor stays open on ${nodeRed.url}. Enter: another call. Ctrl-C: end.\n`);
  }

  leaving(): void {
    console.log('\nEnding: calls are told goodbye.');
  }

  /** Where the time of a turn went, in ms after the caller's last word. */
  private turn(payload: unknown): void {
    const { timing } = (payload ?? {}) as { timing?: Record<string, number | undefined> };
    const from = timing?.speechEndedAt;
    if (!timing || from === undefined) return;
    const parts = [
      ['transcript', timing.transcriptAt],
      ['first token', timing.firstTokenAt],
      ['first audio', timing.firstAudioAt],
    ]
      .filter((part): part is [string, number] => typeof part[1] === 'number')
      .map(([name, at]) => `${name} ${Math.round(at - from)} ms`);
    this.line('timing', parts.join(', '), 'dim');
  }

  private line(who: string, what: string, style?: Style): void {
    const at = ((performance.now() - this.rangAt) / 1000).toFixed(2).padStart(6);
    const text = `${at} s  ${who.padEnd(7)} ${what}`;
    console.log(style ? styleText(style, text) : text);
  }
}
