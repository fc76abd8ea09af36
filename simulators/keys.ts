/** The keys and numbers that the example flows take from the environment, and that the demo, the benchmark and tests have the simulators expect. */
export const KEYS = {
  TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000001',
  TWILIO_AUTH_TOKEN: 'simulated-auth-token-0000000000',
  TELNYX_API_KEY: 'KEY-simulated-telnyx',
  /** Belongs to `TELNYX_SIGNING_SEED`. */
  TELNYX_PUBLIC_KEY: 'IlPxwNyhSZXSJb35Mzp+MCc+6DdwGOguFVPCUTXRNz0=',
  TELNYX_APPLICATION_ID: '2301454981230001234',
  TWILIO_NUMBER: '+14155550142',
  TELNYX_NUMBER: '+14155550142',
  NUMBERS_ALLOWED: '+1415',
  NUMBER_TO_CALL: '+442079460321',
  COLLEAGUE_NUMBER: '+14155550177',
  DEEPGRAM_API_KEY: 'simulated-deepgram-key',
  OPENAI_API_KEY: 'simulated-openai-key',
  CARTESIA_API_KEY: 'simulated-cartesia-key',
  ELEVENLABS_API_KEY: 'simulated-elevenlabs-key',
} as const;

/** What the simulated Telnyx makes its key pair of, so that it signs with the private half of `KEYS.TELNYX_PUBLIC_KEY`. */
export const TELNYX_SIGNING_SEED = 'simulated-telnyx-signing-seed';
