/** Every limit of the pack on what comes from outside or waits inside: where it stands, where users read it, what shows it. */

export interface Limit {
  /** The folder of `nodes/` and the constant that hold it, and the constant's value as it is written there. */
  at: [folder: string, constant: string, value: string];
  /** Words that the "Limits" of these nodes' help must have. */
  help: string;
  nodes: readonly string[];
  /** The test at its edge: file, and words of its title. */
  test: [file: string, title: string];
}

const INS = ['twilio-in', 'telnyx-in'];
const OUTS = ['twilio-out', 'telnyx-out'];
const STTS = ['deepgram-stt', 'openai-stt'];
const TTSS = ['cartesia-tts', 'elevenlabs-tts'];

const unit = (file: string, title: string): Limit['test'] => [`test/unit/${file}.test.ts`, title];

export const LIMITS: readonly Limit[] = [
  // What the internet sends us.
  {
    at: ['call', 'MAX_BODY_BYTES', '65_536'],
    help: 'A webhook may have 64 kB',
    nodes: INS,
    test: unit('call/endpoints', 'refuse bodies of more than 64 kB with 413'),
  },
  {
    at: ['call', 'GATE_WAIT_MS', '10_000'],
    help: 'waits 10 seconds, then it is refused (503)',
    nodes: INS,
    test: unit('call/gate', 'has a webhook wait for it'),
  },
  {
    at: ['call', 'MAX_FRAME_BYTES', '65_536'],
    help: 'A frame of the media socket may have 64 kB',
    nodes: ['telnyx-in'],
    test: unit('telnyx/media-stream', 'takes a frame of 64 kB'),
  },
  {
    at: ['call', 'MAX_FRAME_BYTES', '65_536'],
    help: 'A frame of the media socket may have 64 kB',
    nodes: ['twilio-in'],
    test: unit('twilio/media-stream', 'takes a frame of 64 kB'),
  },
  {
    at: ['call', 'START_WITHIN_MS', '10_000'],
    help: 'must begin within 10 seconds',
    nodes: ['telnyx-in'],
    test: unit('telnyx/media-stream', 'without a start is closed after 10 s'),
  },
  {
    at: ['call', 'START_WITHIN_MS', '10_000'],
    help: 'must begin within 10 seconds',
    nodes: ['twilio-in'],
    test: unit('twilio/media-stream', 'without a start is closed after 10 s'),
  },
  {
    at: ['call', 'VALID_MS', '15_000'],
    help: 'an address that holds for 15 seconds and once',
    nodes: INS,
    test: unit('call/tokens', 'are worth nothing after 15 s'),
  },
  {
    at: ['call', 'MAX_PER_CALL', '8'],
    help: '8 of a call may be out at a time',
    nodes: INS,
    test: unit('call/tokens', 'do not pile up'),
  },
  {
    at: ['call', 'DEAD_AFTER_MS', '30_000'],
    help: 'on which nothing moves for 30 seconds is closed',
    nodes: INS,
    test: unit('call/idle-socket', 'is closed after 30 s, and not while frames come'),
  },
  {
    at: ['call', 'MAX_AUDIO_HELD', '500'],
    help: 'During a Deploy 10 seconds of audio of a call wait at each node; the oldest goes first',
    nodes: INS,
    test: unit('call/gate', 'of 500 frames none is lost'),
  },
  {
    at: ['call', 'MAX_RECONNECTS', '5'],
    help: '5 times at most',
    nodes: INS,
    test: ['test/node/telnyx-calls.test.ts', 'ended after the fifth time'],
  },
  {
    at: ['call', 'NO_STREAM_MS', '10_000'],
    help: 'without audio for 10 seconds is given up',
    nodes: INS,
    test: ['test/node/calls.test.ts', 'gives its line back after 10 s'],
  },
  {
    at: ['call', 'TIMEOUT_MS', '5_000'],
    help: 'may take 5 seconds and have 1 MB',
    nodes: ['twilio-in'],
    test: unit('twilio/rest', 'given up after 5 s'),
  },
  {
    at: ['call', 'MAX_BODY_BYTES', '1_048_576'],
    help: '1 MB',
    nodes: INS,
    test: unit('call/rest-limits', 'a carrier may answer with 1 MB'),
  },
  {
    at: ['twilio', 'MAX_SAY', '3_000'],
    help: 'says 3,000 characters at once',
    nodes: ['twilio-in'],
    test: unit('twilio/twiml', 'says 3,000 characters'),
  },
  {
    at: ['telnyx', 'ABANDONED_REMEMBERED', '1_024'],
    help: '1,024 transfers that failed are remembered',
    nodes: ['telnyx-in'],
    test: unit('telnyx/call-control', 'is known of 1,024 legs'),
  },
  {
    at: ['telnyx', 'MAX_CHARACTERS', '3_000'],
    help: 'says 3,000 characters at once',
    nodes: ['telnyx-in'],
    test: unit('telnyx/limits', 'says 3,000 characters'),
  },
  {
    at: ['telnyx', 'DEADLINE_MS', '5_000'],
    help: 'tried three times, within 5 seconds in all',
    nodes: ['telnyx-in'],
    test: unit('telnyx/rest', 'given up after 5 s'),
  },
  {
    at: ['telnyx', 'GIVE_UP_MS', '60'],
    help: 'missing for 60 ms is left out',
    nodes: ['telnyx-in'],
    test: unit('telnyx/frame-order', 'wait 60 ms for a missing one'),
  },
  {
    at: ['telnyx', 'MAX_HELD', '50'],
    help: 'at most 50 frames (1 second) wait for it',
    nodes: ['telnyx-in'],
    test: unit('telnyx/frame-order', 'the 51st gives the missing one up'),
  },
  {
    at: ['telnyx', 'WINDOW_S', '300'],
    help: 'may be 300 seconds old',
    nodes: ['telnyx-in'],
    test: unit('telnyx/webhook', 'hold for 300 s on both sides'),
  },
  {
    at: ['telnyx', 'EVENTS_REMEMBERED', '4_096'],
    help: '4,096 of them are known again',
    nodes: ['telnyx-in'],
    test: unit('telnyx/limits', 'known again among 4,096'),
  },
  {
    at: ['telnyx', 'MAX_PENDING', '64'],
    help: '64 keys of the phone, for 30 seconds',
    nodes: ['telnyx-in'],
    test: unit('telnyx/frame-order', 'are not kept for ever'),
  },
  {
    at: ['telnyx', 'MAX_LINES', '200'],
    help: '200 callers at once',
    nodes: ['telnyx-in'],
    test: unit('telnyx/busy-lines', 'is the 201st at once'),
  },
  // What flows have done with a call, and what is told of it later.
  {
    at: ['call', 'MAX_WAITING', '16'],
    help: '16 actions of a call may wait for each other',
    nodes: ['call-control'],
    test: unit('call/call-controls', '16 things wait at once'),
  },
  {
    at: ['call', 'MAX_SEALED_BYTES', '1_200'],
    help: 'has 1,200 bytes at most',
    nodes: INS,
    test: unit('call/reports', 'about which 1,200 bytes are known'),
  },
  {
    at: ['call', 'SEEN_REMEMBERED', '10_000'],
    help: '10,000 reports are known again when they come twice',
    nodes: INS,
    test: unit('call/reports', 'known again among 10,000'),
  },
  {
    at: ['call', 'MARGIN_MS', '300'],
    help: 'Around a private stretch 0.3 seconds are private, too',
    nodes: INS,
    test: unit('call/privacy', '0.3 s on both sides'),
  },
  // Calls in worker threads.
  {
    at: ['call', 'MAX_WAIT_MS', '10_000'],
    help: 'A call waits 10 seconds for a thread',
    nodes: INS,
    test: unit('workers/pool', 'ends a call that waits for too long'),
  },
  {
    at: ['call', 'MAX_WAITING', '1_000'],
    help: 'and 1,000 of its events',
    nodes: INS,
    test: unit('workers/remote-call', 'a thousand things at most'),
  },
  {
    at: ['call', 'MAX_FRAMES_WAITING', '500'],
    help: 'and 500 frames of the voice',
    nodes: INS,
    test: unit('workers/remote-call', 'the last 10 s of the voice'),
  },
  {
    at: ['call', 'STUCK_MS', '1_000'],
    help: 'does nothing else for 1 second is ended',
    nodes: INS,
    test: ['test/flow/worker-runtime.test.ts', 'is ended within 1.5 s when a Function node loops endlessly'],
  },
  {
    at: ['call', 'MAX_WAIT_MS', '60_000'],
    help: '60 at most',
    nodes: INS,
    test: unit('workers/restarts', 'at once, then ever later, and never later than a minute'),
  },
  {
    at: ['call', 'MAX_HELD', '10_000'],
    help: '10,000 messages wait for its nodes',
    nodes: INS,
    test: unit('workers/foreign-nodes', 'gets no more than can be kept'),
  },
  {
    at: ['call', 'HELD_MS', '30_000'],
    help: 'and for 30 seconds; the oldest audio goes first',
    nodes: INS,
    test: unit('workers/foreign-nodes', 'have stood still for too long'),
  },
  {
    at: ['call', 'MAX_REMEMBERED', '10_000'],
    help: 'the last 10,000 messages',
    nodes: INS,
    test: unit('workers/foreign-nodes', 'is remembered 10,000 messages long, and for ten minutes'),
  },
  {
    at: ['call', 'REMEMBERED_MS', '600_000'],
    help: '10,000 messages, for 10 minutes',
    nodes: INS,
    test: unit('workers/foreign-nodes', 'is remembered 10,000 messages long, and for ten minutes'),
  },
  {
    at: ['call', 'WAIT_MS', '2_000'],
    help: 'about shared context waits 2 seconds',
    nodes: INS,
    test: unit('workers/context-store', 'is waited for no longer than 2 s'),
  },
  // What is to be heard.
  {
    at: ['call', 'MAX_OPEN', '100'],
    help: '100 stretches of speech wait',
    nodes: OUTS,
    test: unit('call/playback-limits', 'a hundred utterances wait'),
  },
  {
    at: ['call', 'MAX_UNHEARD_BYTES', '600_000 * BYTES_PER_MS'],
    help: '10 minutes of one stretch wait to be heard',
    nodes: OUTS,
    test: unit('call/playback-limits', 'ten minutes of one utterance'),
  },
  {
    at: ['call', 'STALLED_MS', '6_000'],
    help: 'neither text nor audio for 6 seconds',
    nodes: OUTS,
    test: unit('call/playback', 'gets no audio is given up'),
  },
  {
    at: ['call', 'MAX_PAUSE_MS', '15_000'],
    help: 'ended after 15 seconds',
    nodes: OUTS,
    test: unit('call/playback-limits', 'a pause that nobody ends'),
  },
  {
    at: ['call', 'MAX_BUFFERED_BYTES', '4 * 1024 * 1024'],
    help: '4 MB wait; further audio is dropped',
    nodes: ['telnyx-out'],
    test: unit('telnyx/media-stream', 'drops audio, and counts it'),
  },
  {
    at: ['call', 'MAX_BUFFERED_BYTES', '4 * 1024 * 1024'],
    help: '4 MB wait; further audio is dropped',
    nodes: ['twilio-out'],
    test: unit('twilio/media-stream', 'drops audio, and counts it'),
  },
  {
    at: ['call', 'MAX_RECORDS', '1_000'],
    help: 'last 1,000 stretches',
    nodes: OUTS,
    test: unit('call/playback-limits', 'of a thousand closed utterances'),
  },
  {
    at: ['call', 'MAX_LAST_RESORTS', '30'],
    help: '30 times in a call at most',
    nodes: OUTS,
    test: ['test/node/out-limits.test.ts', '30 times in a call'],
  },
  // What the caller says.
  {
    at: ['call', 'HANDSHAKE_MS', '5_000'],
    help: '5 seconds for a handshake',
    nodes: STTS,
    test: unit('deepgram/nova', 'gives a handshake without an answer 5 s'),
  },
  {
    at: ['call', 'OPEN_MS', '5_500'],
    help: '5.5 until it takes audio',
    nodes: STTS,
    test: unit('call/stt-limits', 'is given 5.5 s to take audio'),
  },
  {
    at: ['call', 'BODY_MS', '1_000'],
    help: 'read for 1 second',
    nodes: STTS,
    test: unit('call/stt-limits', 'does not come within a second'),
  },
  {
    at: ['call', 'MAX_BODY', '16_384'],
    help: 'up to 16 kB',
    nodes: STTS,
    test: unit('call/stt-limits', 'read up to 16 kB'),
  },
  {
    at: ['call', 'MAX_MESSAGE', '512 * 1024'],
    help: 'may have 512 kB',
    nodes: STTS,
    test: unit('call/stt-limits', 'a message of 512 kB is taken'),
  },
  {
    at: ['call', 'MAX_WAITING', '10_000 * BYTES_PER_MS'],
    help: '10 seconds of audio wait; the oldest goes first',
    nodes: STTS,
    test: unit('call/stt-limits', 'while nothing can be sent: 10 s'),
  },
  {
    at: ['call', 'MAX_UNSETTLED', '30_000 * BYTES_PER_MS'],
    help: 'the last 30 seconds are kept',
    nodes: STTS,
    test: unit('call/stt-limits', 'not understood yet: 30 s'),
  },
  {
    at: ['call', 'MAX_IN_NETWORK', '4_000 * BYTES_PER_MS'],
    help: 'more than 4 seconds of audio in the network',
    nodes: STTS,
    test: unit('call/stt-limits', 'may have 4 s of audio in the network'),
  },
  {
    at: ['call', 'LAST_WORDS_MS', '850'],
    help: 'waited for 1 second after the end of the call',
    nodes: STTS,
    test: unit('deepgram/nova', 'does not wait for last words longer than a second'),
  },
  {
    at: ['call', 'MAX_APOLOGIES', '5'],
    help: '5 times in a call at most',
    nodes: STTS,
    test: unit('call/stt-limits', 'is told so five times in a call'),
  },
  {
    at: ['call', 'DEAF_MS', '3_500'],
    help: 'not answered for 3.5 seconds',
    nodes: ['deepgram-stt'],
    test: unit('deepgram/nova', 'replaces a socket that is open and deaf'),
  },
  {
    at: ['openai', 'TRANSCRIBE_MS', '3_500'],
    help: '3.5 seconds (and a tenth of what was said)',
    nodes: ['openai-stt'],
    test: unit('openai/parts', 'says what is overdue'),
  },
  {
    at: ['openai', 'MAX_ITEMS', '32'],
    help: '32 stretches of speech may wait for their words',
    nodes: ['openai-stt'],
    test: unit('openai/parts', '32 stretches wait for their words'),
  },
  {
    at: ['openai', 'MARGIN_MS', '120_000'],
    help: '2 minutes before that it is replaced',
    nodes: ['openai-stt'],
    test: unit('openai/realtime', 'replaces a session before its time is over'),
  },
  // What the agent says.
  {
    at: ['cartesia', 'HANDSHAKE_MS', '1_500'],
    help: '1.5 seconds for a handshake',
    nodes: ['cartesia-tts'],
    test: unit('cartesia/limits', 'given up after 1.5 s'),
  },
  {
    at: ['elevenlabs', 'HANDSHAKE_MS', '1_500'],
    help: '1.5 seconds for a handshake',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/limits', 'given up after 1.5 s'),
  },
  {
    at: ['cartesia', 'MAX_REFUSAL_BYTES', '4_096'],
    help: 'up to 4 kB',
    nodes: ['cartesia-tts'],
    test: unit('cartesia/limits', 'read up to 4 kB, and for 300 ms'),
  },
  {
    at: ['call', 'MAX_BODY_BYTES', '4_096'],
    help: 'up to 4 kB',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/limits', 'read up to 4 kB, and for 300 ms'),
  },
  {
    at: ['cartesia', 'MAX_MESSAGE_BYTES', '4_194_304'],
    help: 'may have 4 MB',
    nodes: ['cartesia-tts'],
    test: unit('cartesia/limits', 'a message of 4 MB is taken'),
  },
  {
    at: ['elevenlabs', 'MAX_MESSAGE_BYTES', '4_194_304'],
    help: 'may have 4 MB',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/limits', 'a message of 4 MB is taken'),
  },
  {
    at: ['cartesia', 'MAX_ODD', '3'],
    help: 'The third one that cannot be read',
    nodes: ['cartesia-tts'],
    test: unit('cartesia/limits', 'the third ends the connection'),
  },
  {
    at: ['elevenlabs', 'MAX_ODD', '3'],
    help: 'The third one that cannot be read',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/limits', 'the third the socket'),
  },
  {
    at: ['call', 'FIRST_AUDIO_MAX_MS', '3_000'],
    help: 'there within 3 seconds',
    nodes: TTSS,
    test: ['test/node/tts-limits.test.ts', 'the first audio has 3 s'],
  },
  {
    at: ['call', 'MAX_UTTERANCES', '64'],
    help: '64 stretches of speech of a call',
    nodes: TTSS,
    test: ['test/node/tts-limits.test.ts', '64 stretches of speech'],
  },
  {
    at: ['call', 'MAX_CHARACTERS', '30_000'],
    help: '30,000 characters at most',
    nodes: TTSS,
    test: ['test/node/tts-limits.test.ts', '30,000 characters at most'],
  },
  {
    at: ['call', 'MAX_CHARACTERS', '30_000'],
    help: '30,000 characters at most',
    nodes: ['agent-say'],
    test: ['test/node/agent-say.test.ts', 'a text has 30,000 characters at most'],
  },
  {
    at: ['call', 'MAX_WAITING', '200'],
    help: '200 pieces of text wait',
    nodes: TTSS,
    test: unit('call/tts', 'has a limit'),
  },
  {
    at: ['call', 'MAX_CLIP_BYTES', '240_000'],
    help: 'has 30 seconds at most',
    nodes: TTSS,
    test: unit('call/playback-limits', 'is kept up to 30 s'),
  },
  {
    at: ['call', 'MAX_CLIPS', '50'],
    help: '50 clips are kept',
    nodes: TTSS,
    test: unit('call/tts', 'fifty are kept'),
  },
  {
    at: ['cartesia', 'CALLS_PER_SOCKET', '10'],
    help: '10 calls share a connection',
    nodes: ['cartesia-tts'],
    test: unit('cartesia/synthesis', 'ten calls share a socket, the eleventh opens another'),
  },
  {
    at: ['elevenlabs', 'CALLS_PER_SOCKET', '2'],
    help: '2 calls share a connection',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/synthesis', 'two calls share a socket, the third opens another'),
  },
  {
    at: ['elevenlabs', 'MAX_CONTEXTS', '5'],
    help: '5 contexts at most',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/synthesis', 'the sixth goes to another socket'),
  },
  {
    at: ['elevenlabs', 'FINAL_MS', '5_000'],
    help: 'not final for 5 seconds',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/synthesis', 'what was cut never gets final'),
  },
  {
    at: ['elevenlabs', 'MAX_HELD', '200'],
    help: 'after 200 characters',
    nodes: ['elevenlabs-tts'],
    test: unit('elevenlabs/limits', 'goes out at 200 characters'),
  },
  // What the model says.
  {
    at: ['agent', 'MID_REPLY_STALL_MS', '4_000'],
    help: 'stops for 4 seconds ends there',
    nodes: ['llm-agent'],
    test: ['test/node/llm-agent.test.ts', 'ends the reply after 4 s'],
  },
  {
    at: ['agent', 'MAX_CHARACTERS', '30_000'],
    help: '30,000 characters at most',
    nodes: ['llm-agent'],
    test: unit('agent/limits', 'up to 30,000 characters'),
  },
  {
    at: ['agent', 'MAX_TEXT_BYTES', '65_536'],
    help: '64 kB are read',
    nodes: ['llm-agent'],
    test: unit('call/rest-limits', '64 kB are read'),
  },
  {
    at: ['agent', 'MAX_LINE_BYTES', '4_194_304'],
    help: 'A line of an answer has 4 MB at most',
    nodes: ['llm-agent'],
    test: unit('agent/http-fetch', 'a line of 4 MB is read'),
  },
  {
    at: ['agent', 'MAX_REST_BYTES', '65_536'],
    help: 'what is left of an answer after its end may have 64 kB',
    nodes: ['llm-agent'],
    test: unit('agent/http-fetch', 'is closed when what is left of an answer does not end'),
  },
  {
    at: ['agent', 'MAX_REST_MS', '1_000'],
    help: 'and take 1 second, else the connection is closed',
    nodes: ['llm-agent'],
    test: unit('agent/http-fetch', 'is closed when what is left of an answer does not end'),
  },
  {
    at: ['agent', 'QUEUE_LIMIT', '8'],
    help: '8 turns wait to be answered',
    nodes: ['llm-agent'],
    test: unit('agent/limits', 'eight turns at most'),
  },
  {
    at: ['agent', 'QUEUE_LIMIT', '8'],
    help: 'while the caller is with somebody else, 8 texts of `agent.say` wait',
    nodes: ['llm-agent'],
    test: ['test/node/agent-away.test.ts', '8 of them, the oldest go first'],
  },
  {
    at: ['agent', 'MAX_ENTRIES', '2_000'],
    help: 'remembers 2,000 entries',
    nodes: ['llm-agent'],
    test: unit('agent/limits', 'is 2,000 entries of a call'),
  },
  {
    at: ['call', 'MAX_PARAMETERS', '50'],
    help: '`msg.parameters` may have 50 entries',
    nodes: ['twilio-dial', 'telnyx-dial'],
    test: unit('call/dial-order', 'takes 50 parameters and 4 kB'),
  },
  {
    at: ['call', 'MAX_PARAMETERS_BYTES', '4_096'],
    help: 'entries and 4 kB; more, and nothing is dialled',
    nodes: ['twilio-dial', 'telnyx-dial'],
    test: unit('call/dial-order', 'takes 50 parameters and 4 kB'),
  },
  {
    at: ['call', 'MAX_RECORDING_BYTES', '268_435_456'],
    help: 'A recording may have 256 MB',
    nodes: ['call-control'],
    test: unit('call/recorded-audio', 'as many bytes as allowed, and not one more'),
  },
  {
    at: ['call', 'MAX_REMEMBERED', '100_000'],
    help: '100,000 calls of the last hour are counted',
    nodes: ['twilio-dial', 'telnyx-dial'],
    test: unit('call/dial-history', 'holds 100,000 calls and then refuses'),
  },
  {
    at: ['call', 'MAX_DIGITS', '64'],
    help: '64 digits are sent at once',
    nodes: ['call-control'],
    test: unit('call/control', 'are 64 at most'),
  },
  {
    at: ['call', 'MAX_FETCHES', '4'],
    help: '4 are fetched at a time',
    nodes: ['call-control'],
    test: unit('call/control', 'fetched 4 at a time'),
  },
  {
    at: ['call', 'MAX_FETCHES_WAITING', '1_000'],
    help: '1,000 may wait, more are refused',
    nodes: ['call-control'],
    test: unit('call/control', '1,000 wait, and the next is refused'),
  },
  {
    at: ['call', 'MAX_PARAMETERS', '50'],
    help: 'A call may have 50 values',
    nodes: ['call-control'],
    test: unit('call/call-controls', '50 of them and 4 kB'),
  },
  {
    at: ['call', 'MAX_PARAMETERS_BYTES', '4_096'],
    help: 'values and 4 kB of them',
    nodes: ['call-control'],
    test: unit('call/call-controls', '50 of them and 4 kB'),
  },
  {
    at: ['call', 'MAX_WAITING', '16'],
    help: '16 actions of a call may wait',
    nodes: ['call-control'],
    test: unit('call/call-controls', '16 things wait at once'),
  },
  {
    at: ['call', 'MAX_REMEMBERED', '100_000'],
    help: '100,000 calls of the last hour are counted',
    nodes: ['call-control'],
    test: unit('call/dial-history', 'holds 100,000 calls and then refuses'),
  },
];

/** Bounds of the inside, which no user meets: each is reached only by what is broken, or is no limit but a measure. */
export const INNER: readonly string[] = [
  // Memories that are shorter than what they serve.
  ...['MAX_AHEAD', 'MAX_ANCHORS', 'MAX_IN_FLIGHT', 'MAX_JUMPS', 'MAX_LEAVING', 'MAX_CLIENTS', 'MAX_FREE', 'MAX_LATE'],
  ...['MAX_EARLY_KEYS', 'MAX_TROUBLES', 'MAX_DEAF_MS'],
  // The same ten minutes as for what waits to be heard.
  'MAX_WAITING_BYTES',
  // Facts of the telephone network and of providers, not of ours.
  ...['MAX_DIGITS', 'MAX_LIMIT_S'],
  // From here on the sender waits; nothing is lost.
  'MAX_UNREAD_BYTES',
  // Questions about shared context under way at a time: all calls of a worker together come nowhere near it.
  'MAX_ASKED',
  // Of what is counted, and of a line of the log: as many utterances as can be open, more providers than there are.
  ...['MAX_UNANSWERED', 'MAX_PROVIDERS', 'MAX_VALUE_CHARACTERS'],
  // Where text and messages are cut.
  ...['MAX_LINK', 'MAX_SENTENCE', 'MAX_PAYLOAD_BYTES', 'MAX_TWO_BYTES'],
];
