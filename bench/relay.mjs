/**
 * The yardstick: the least Node program that does the job, with `ws` and no framework.
 *
 * Webhook and stream with signature check; media -> Deepgram; final transcript -> OpenAI (SSE) -> Cartesia, each token as it
 * comes -> media; the first words heard while the agent speaks cancel and clear. It keeps no account of what was heard, retries
 * nothing and outlives nothing: whatever the pack costs more than this is the price of what the pack does more.
 *
 * Environment: TWILIO_AUTH_TOKEN, DEEPGRAM_URL, OPENAI_URL, CARTESIA_URL and their keys. Prints `listening <port>`.
 */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

const env = process.env;
const MODEL = 'gpt-5.4-mini';
const LISTEN =
  `${env.DEEPGRAM_URL}/v1/listen?model=nova-3&language=en&channels=1&encoding=mulaw&sample_rate=8000` +
  '&endpointing=300&interim_results=true&utterance_end_ms=1000&vad_events=true&smart_format=true';
const VOICE = {
  model_id: 'sonic-3.5',
  language: 'en',
  voice: { mode: 'id', id: '5c42302c-194b-4d0c-ba1a-8cb485c84ab9' },
  output_format: { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8000 },
  max_buffer_delay_ms: 0,
};
const SYSTEM =
  'You answer the phone for Acme, a bicycle shop. Answer in one or two short sentences, as one speaks, without lists. ' +
  'If you do not know something, say so and offer a call back.';
const GREETING = 'Hello, this is Acme. How can I help you?';
const CHAT = new URL(`${env.OPENAI_URL}/chat/completions`);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const client = { perMessageDeflate: false, skipUTF8Validation: true };

class Call {
  history = [{ role: 'system', content: SYSTEM }];
  /** { id, text, request } of the reply that the caller hears or is about to. */
  reply = null;
  pending = [];

  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data) => this.onTwilio(JSON.parse(data)));
    socket.on('close', () => this.close());
    socket.on('error', () => this.close());
  }

  onTwilio(m) {
    switch (m.event) {
      case 'media': {
        const audio = Buffer.from(m.media.payload, 'base64');
        if (this.stt.readyState === WebSocket.OPEN) this.stt.send(audio);
        else this.pending.push(audio);
        return;
      }
      case 'mark':
        if (this.reply?.id === m.mark.name) this.reply = null;
        return;
      case 'start':
        this.streamSid = m.streamSid;
        this.stt = new WebSocket(LISTEN, { ...client, headers: { authorization: `Token ${env.DEEPGRAM_API_KEY}` } });
        this.stt.on('open', () => this.pending.splice(0).forEach((audio) => this.stt.send(audio)));
        this.stt.on('message', (data) => this.onStt(JSON.parse(data)));
        this.stt.on('error', () => this.close());
        this.tts = new WebSocket(`${env.CARTESIA_URL}/tts/websocket`, {
          ...client,
          headers: { 'x-api-key': env.CARTESIA_API_KEY, 'cartesia-version': '2026-03-01' },
        });
        this.tts.on('open', () => this.greet());
        this.tts.on('message', (data) => this.onTts(JSON.parse(data)));
        this.tts.on('error', () => this.close());
        return;
      case 'stop':
        return this.close();
    }
  }

  onStt(m) {
    if (m.type !== 'Results') return;
    const { transcript } = m.channel.alternatives[0];
    if (transcript === '') return;
    if (this.reply) this.interrupt();
    if (m.speech_final) this.answer(transcript);
  }

  onTts(m) {
    if (m.context_id !== this.reply?.id) return;
    if (m.type === 'chunk') {
      this.socket.send(`{"event":"media","streamSid":"${this.streamSid}","media":{"payload":"${m.data}"}}`);
    } else if (m.type === 'done') {
      this.socket.send(`{"event":"mark","streamSid":"${this.streamSid}","mark":{"name":"${m.context_id}"}}`);
    }
  }

  interrupt() {
    this.reply.request?.destroy();
    this.tts.send(JSON.stringify({ context_id: this.reply.id, cancel: true }));
    this.socket.send(`{"event":"clear","streamSid":"${this.streamSid}"}`);
    if (this.reply.text) this.history.push({ role: 'assistant', content: this.reply.text });
    this.reply = null;
  }

  say(id, transcript, more) {
    this.tts.send(JSON.stringify({ ...VOICE, context_id: id, transcript, continue: more }));
  }

  greet() {
    this.reply = { id: randomUUID(), text: '' };
    this.history.push({ role: 'assistant', content: GREETING });
    this.say(this.reply.id, GREETING, false);
  }

  answer(transcript) {
    this.history.push({ role: 'user', content: transcript });
    const reply = (this.reply = { id: randomUUID(), text: '', request: null });
    const body = JSON.stringify({ model: MODEL, messages: this.history, stream: true });
    reply.request = http.request(
      CHAT,
      {
        method: 'POST',
        agent,
        headers: {
          authorization: `Bearer ${env.OPENAI_API_KEY}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (res) => {
        let rest = '';
        res.setEncoding('utf8');
        res.on('data', (text) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop();
          for (const line of lines) {
            if (line.startsWith('data: {')) this.onToken(reply, JSON.parse(line.slice(6)).choices[0]);
          }
        });
      },
    );
    reply.request.on('error', () => {});
    reply.request.end(body);
  }

  onToken(reply, choice) {
    if (this.reply !== reply || !choice) return;
    if (choice.delta.content) {
      reply.text += choice.delta.content;
      this.say(reply.id, choice.delta.content, true);
    }
    if (choice.finish_reason) {
      this.history.push({ role: 'assistant', content: reply.text });
      reply.text = '';
      this.say(reply.id, '', false);
    }
  }

  close() {
    this.reply?.request?.destroy();
    this.socket.close();
    this.stt?.close();
    this.tts?.close();
  }
}

/** Twilio's signature: base64(HMAC-SHA1(token, url + sorted(name + value))). */
function signed(signature, url, params = {}) {
  let data = url;
  for (const name of Object.keys(params).sort()) data += name + params[name];
  const expected = createHmac('sha1', env.TWILIO_AUTH_TOKEN).update(data, 'utf8').digest();
  const given = Buffer.from(signature ?? '', 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const server = http.createServer((req, res) => {
  let body = '';
  req.on('data', (d) => (body += d));
  req.on('end', () => {
    const params = Object.fromEntries(new URLSearchParams(body));
    if (!signed(req.headers['x-twilio-signature'], `http://${host()}${req.url}`, params)) {
      return res.writeHead(403).end();
    }
    res.writeHead(200, { 'content-type': 'text/xml' });
    res.end(
      `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="ws://${host()}/media"/></Connect></Response>`,
    );
  });
});
const sockets = new WebSocketServer({ noServer: true, ...client });
server.on('upgrade', (req, socket, head) => {
  if (!signed(req.headers['x-twilio-signature'], `ws://${host()}/media`)) {
    return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  }
  sockets.handleUpgrade(req, socket, head, (ws) => new Call(ws));
});
const host = () => `127.0.0.1:${server.address().port}`;
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
// A clean exit, so that --cpu-prof writes its file.
process.on('SIGTERM', () => process.exit(0));
