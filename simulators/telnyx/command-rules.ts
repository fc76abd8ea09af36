import { COMMON, type Rules } from './fields';
import { ENGINES } from './transcription';

const CODECS = ['PCMU', 'PCMA', 'G722', 'OPUS', 'AMR-WB', 'L16'];

/** Fields that open a media stream: of `answer`, of `streaming_start`, and of a dial (contracts/telnyx.md section 3.2). */
const STREAM: Rules = {
  stream_url: { type: 'string', format: 'stream-url' },
  stream_track: { type: 'string', oneOf: ['inbound_track', 'outbound_track', 'both_tracks'] },
  stream_codec: { type: 'string', oneOf: [...CODECS, 'default'] },
  stream_bidirectional_mode: { type: 'string', oneOf: ['mp3', 'rtp'] },
  stream_bidirectional_codec: { type: 'string', oneOf: CODECS },
  stream_bidirectional_target_legs: { type: 'string', oneOf: ['both', 'self', 'opposite'] },
  stream_bidirectional_sampling_rate: { type: 'number', oneOf: [8000, 16000, 22050, 24000, 48000] },
  stream_auth_token: { type: 'string', range: [1, 4000] },
  custom_parameters: { type: 'array' },
};

const WEBHOOK: Rules = {
  webhook_url: { type: 'string', format: 'http-url' },
  webhook_url_method: { type: 'string', oneOf: ['POST', 'GET'] },
};

const HEADERS: Rules = { custom_headers: { type: 'array' }, sip_headers: { type: 'array' } };

const DETECTION = ['premium', 'detect', 'detect_beep', 'detect_words', 'greeting_end', 'disabled'];

/** A recording that begins with the answer. */
const RECORD: Rules = {
  record: { type: 'string', oneOf: ['record-from-answer'] },
  record_channels: { type: 'string', oneOf: ['single', 'dual'] },
  record_format: { type: 'string', oneOf: ['wav', 'mp3'] },
  record_max_length: { type: 'number', range: [0, 43_200] },
  record_timeout_secs: { type: 'number', range: [0, 43_200] },
  record_track: { type: 'string', oneOf: ['both', 'inbound', 'outbound'] },
  record_trim: { type: 'string', oneOf: ['trim-silence'] },
  record_custom_file_name: { type: 'string', range: [1, 40] },
};

const OUTGOING: Rules = {
  ...RECORD,
  ...WEBHOOK,
  ...HEADERS,
  from_display_name: { type: 'string', range: [0, 128] },
  timeout_secs: { type: 'number', range: [5, 600] },
  time_limit_secs: { type: 'number', range: [30, 14_400] },
  answering_machine_detection: { type: 'string', oneOf: DETECTION },
  answering_machine_detection_config: { type: 'object' },
  audio_url: { type: 'string', format: 'http-url' },
  park_after_unbridge: { type: 'string', oneOf: ['self'] },
  send_silence_when_idle: { type: 'boolean' },
  sip_auth_username: { type: 'string' },
  sip_auth_password: { type: 'string' },
  media_encryption: { type: 'string', oneOf: ['disabled', 'SRTP', 'DTLS'] },
  send_digits_on_answer: { type: 'string', format: 'dtmf' },
};

const withCommon = (rules: Rules): Rules => ({ ...COMMON, ...rules });

/** The fields of each command that the simulator carries out, by the last part of its path. */
export const COMMANDS = {
  answer: withCommon({
    ...STREAM,
    ...RECORD,
    ...WEBHOOK,
    ...HEADERS,
    billing_group_id: { type: 'string' },
    send_silence_when_idle: { type: 'boolean' },
    preferred_codecs: { type: 'string' },
    webhook_urls: { type: 'object' },
  }),
  streaming_start: withCommon({
    ...STREAM,
    enable_dialogflow: { type: 'boolean' },
    stream_url: { type: 'string', format: 'stream-url', required: true },
  }),
  streaming_stop: withCommon({ stream_id: { type: 'string' } }),
  hangup: withCommon({ custom_headers: { type: 'array' } }),
  reject: withCommon({ cause: { type: 'string', oneOf: ['CALL_REJECTED', 'USER_BUSY'], required: true } }),
  speak: withCommon({
    payload: { type: 'string', required: true, range: [1, 3000] },
    voice: { type: 'string', required: true, range: [1, 255] },
    payload_type: { type: 'string', oneOf: ['text', 'ssml'] },
    service_level: { type: 'string', oneOf: ['basic', 'premium'] },
    language: { type: 'string' },
    stop: { type: 'string', oneOf: ['current', 'all'] },
    loop: { type: 'number', range: [1, 100] },
    voice_settings: { type: 'object' },
    target_legs: { type: 'string', oneOf: ['self', 'opposite', 'both'] },
  }),
  send_dtmf: withCommon({
    digits: { type: 'string', required: true, format: 'dtmf', range: [1, 512] },
    duration_millis: { type: 'number', range: [100, 500] },
  }),
  transfer: withCommon({
    ...OUTGOING,
    to: { type: 'string', required: true, format: 'callable' },
    from: { type: 'string', format: 'callable' },
    early_media: { type: 'boolean' },
    mute_dtmf: { type: 'string', oneOf: ['none', 'both', 'self', 'opposite'] },
    privacy: { type: 'string', oneOf: ['id', 'none'] },
    preferred_codecs: { type: 'string' },
    media_name: { type: 'string' },
    target_leg_client_state: { type: 'string', format: 'base64' },
  }),
  record_start: withCommon({
    format: { type: 'string', required: true, oneOf: ['wav', 'mp3'] },
    channels: { type: 'string', required: true, oneOf: ['single', 'dual'] },
    play_beep: { type: 'boolean' },
    max_length: { type: 'number', range: [0, 14_400] },
    timeout_secs: { type: 'number', range: [0, 600] },
    recording_track: { type: 'string', oneOf: ['both', 'inbound', 'outbound'] },
    trim: { type: 'string', oneOf: ['trim-silence'] },
    custom_file_name: { type: 'string', range: [1, 40] },
    transcription: { type: 'boolean' },
    transcription_engine: { type: 'string' },
    transcription_language: { type: 'string' },
  }),
  record_stop: withCommon({ recording_id: { type: 'string' } }),
  record_pause: withCommon({ recording_id: { type: 'string' } }),
  record_resume: withCommon({ recording_id: { type: 'string' } }),
  transcription_start: withCommon({
    transcription_engine: { type: 'string', oneOf: ENGINES },
    transcription_engine_config: { type: 'object' },
    transcription_tracks: { type: 'string', oneOf: ['inbound', 'outbound', 'both'] },
  }),
  transcription_stop: withCommon({}),
} satisfies Record<string, Rules>;

export type CommandName = keyof typeof COMMANDS;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** `POST /calls`. */
export const DIAL: Rules = withCommon({
  ...OUTGOING,
  ...STREAM,
  connection_id: { type: 'string', required: true },
  to: { type: 'string', required: true, format: 'callable' },
  from: { type: 'string', required: true, format: 'callable' },
  stream_establish_before_call_originate: { type: 'boolean' },
  billing_group_id: { type: 'string' },
  transcription: { type: 'boolean' },
  transcription_config: { type: 'object' },
});
