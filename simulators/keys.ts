/** The keys that the example flows take from the environment, and that the demo, the benchmark and tests have the simulators expect. */
export const KEYS = {
  TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000001',
  TWILIO_AUTH_TOKEN: 'simulated-auth-token-0000000000',
  DEEPGRAM_API_KEY: 'simulated-deepgram-key',
  OPENAI_API_KEY: 'simulated-openai-key',
  CARTESIA_API_KEY: 'simulated-cartesia-key',
} as const;
