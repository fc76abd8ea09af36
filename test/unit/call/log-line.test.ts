import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { ProviderError } from '../../../nodes/call/errors';
import { errorLine, followLogging, isLogged, logLine, onOneLine, withoutNumbers } from '../../../nodes/call/log-line';

describe('a line of the log', () => {
  it('names the event, the call, the node, and what there is to say of it', () => {
    const line = logLine('call.ended', 'CA1', 'n1', {
      reason: 'caller-hangup',
      turns: 3,
      cut: false,
      error: undefined,
    });
    assert.equal(line, 'call.ended call=CA1 node=n1 reason=caller-hangup turns=3 cut=false');
  });

  it('of no call, says the node alone', () => {
    assert.equal(logLine('webhook.refused', undefined, 'n1'), 'webhook.refused node=n1');
  });

  it('puts into quotes what has spaces in it, or nothing', () => {
    assert.equal(
      logLine('turn', 'CA1', 'n1', { user: 'two words', heard: '' }),
      'turn call=CA1 node=n1 user="two words" heard=""',
    );
  });

  it('has words where somebody logs no event', () => {
    assert.equal(logLine('Something odd.', 'CA1', 'n1'), 'note call=CA1 node=n1 what="Something odd."');
  });

  it('cannot be forged by what a caller, a carrier or a model says', () => {
    const evil = [
      'x\r\ncall.ended call=CA2 node=n1 reason=fraud',
      'x" reason=fraud y="',
      'x\u2028call.ended reason=fraud',
      'x\u0085y\u001b[31mred\u007f',
      '\u202egnihtyna',
      'a=b',
      'back\\slash"',
    ];
    for (const value of evil) {
      const line = logLine('turn', value, 'n1', { user: value });
      assert.doesNotMatch(line, /[\p{Cc}\u2028-\u202e]/u, 'one line, and nothing that a terminal obeys');
      // Read back as a reader of logfmt does: the fields are ours, and the value is the value.
      const fields = [...line.matchAll(/(?<= )(\w+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?= |$)/g)];
      assert.deepEqual(fields.map(([, name]) => name), ['call', 'node', 'user'], line); // prettier-ignore
      assert.equal(JSON.parse(fields[2]?.[2] ?? ''), value);
    }
  });

  it('is cut where a value has no end', () => {
    const line = logLine('turn', 'CA1', 'n1', { user: 'x'.repeat(100_000), heard: 'y'.repeat(300) });
    assert.equal(line, `turn call=CA1 node=n1 user="${'x'.repeat(300)}…" heard=${'y'.repeat(300)}`);
  });
});

describe('numbers in the words of a provider', () => {
  const cases: [string, string][] = [
    [
      "The 'To' number +15551234567 is not a valid phone number.",
      "The 'To' number [number] is not a valid phone number.",
    ],
    ['Invalid destination (+44 (0)20 7946 0000)', 'Invalid destination ([number])'],
    ['cannot dial 0015551234567 now', 'cannot dial [number] now'],
    ['sip:ada@pbx.example.net;transport=tls is not reachable', '[SIP address];transport=tls is not reachable'],
    ['<sips:4711@example.net>', '<[SIP address]>'],
    ['the REST API answered 400: no reason given (21211)', 'the REST API answered 400: no reason given (21211)'],
    ['no word within 6000 ms (code 1011)', 'no word within 6000 ms (code 1011)'],
    ['CA0123456789abcdef0123456789abcdef', 'CA0123456789abcdef0123456789abcdef'],
  ];
  for (const [said, told] of cases) it(said, () => assert.equal(withoutNumbers(said), told));
});

describe('an error in the log', () => {
  const wrongKey = (): ProviderError =>
    new ProviderError('openai', 'authentication', 'the key is wrong', { code: 401 });
  const LINE =
    'error call=CA1 node=n1 provider=openai cause=authentication code=401 what="openai: the key is wrong - check the key in the account node."';

  it('names call, node, provider and cause', () => {
    assert.equal(errorLine(wrongKey(), 'CA1', 'n1'), LINE);
    assert.equal(errorLine(new TypeError('oh'), undefined, 'n1'), 'error node=n1 what=oh');
  });

  it('is that line to a logger, as text and as JSON, and its own words to a Catch node', () => {
    const err = onOneLine(wrongKey(), 'CA1', 'n1');
    assert.equal('[error] ' + (err as unknown as string), `[error] ${LINE}`);
    assert.equal(JSON.stringify({ msg: err }), JSON.stringify({ msg: LINE }));
    assert.equal(err.toString(), `ProviderError: ${err.message}`);
    assert.ok(!Object.keys(err).includes('toJSON'));
  });

  it('that several calls share is told for each of them', () => {
    const err = wrongKey();
    assert.match(String(onOneLine(err, 'CA1', 'n1')), /call=CA1 /);
    assert.match(String(onOneLine(err, 'CA2', 'n2')), /call=CA2 node=n2 /);
  });

  it('quotes no number and is one line, whatever the provider said', () => {
    const err = new ProviderError('twilio', 'bad-request', 'no such\nnumber: +15551234567', { advice: '' });
    assert.equal(
      errorLine(err, 'CA1', 'n1'),
      'error call=CA1 node=n1 provider=twilio cause=bad-request what="twilio: no such\\nnumber: [number]"',
    );
  });

  it('that cannot be changed stays as it is', () => {
    const err = Object.freeze(new Error('oh'));
    assert.equal(onOneLine(err, 'CA1', 'n1'), err);
  });
});

describe('each message as a line', () => {
  afterEach(() => followLogging(undefined));

  it('is made only where a logger of the settings wants it', () => {
    for (const [logging, debug, trace] of [
      [undefined, false, false],
      [null, false, false],
      [{}, false, false],
      [{ console: null }, false, false],
      [{ console: { level: 'info' } }, false, false],
      [{ console: { level: 'debug' } }, true, false],
      [{ console: { level: 'info' }, mine: { level: 'trace', handler: () => undefined } }, true, true],
    ] as const) {
      followLogging(logging);
      assert.deepEqual([isLogged('info'), isLogged('debug'), isLogged('trace')], [true, debug, trace]);
    }
  });
});
