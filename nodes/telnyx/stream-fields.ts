/**
 * What `answer` and `streaming_start` say of a media stream that carries a conversation: the caller's voice to us, and ours
 * back, both as raw PCMU (contracts/telnyx.md, section 3.2).
 */
export function streamFields(url: string): Record<string, string> {
  return {
    stream_url: url,
    stream_track: 'inbound_track',
    stream_codec: 'PCMU',
    // Without it Telnyx takes what we send for MP3, and the caller hears nothing.
    stream_bidirectional_mode: 'rtp',
    stream_bidirectional_codec: 'PCMU',
    stream_bidirectional_target_legs: 'self',
  };
}
