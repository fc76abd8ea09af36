/** Example flows with another TTS than the one they ship with: what a user does in the editor, and nothing else. */
import type { FlowNode } from './runtime';

/** The voice that elevenlabs-tts has until another is chosen. */
export const ELEVENLABS_VOICE = 'JBFqnCBsd6RMkjVDRZzb';

/** ElevenLabs' voice in place of Cartesia's, on the same wires; with nothing set but what must be, and `tts`. */
export function withElevenLabs(flows: readonly FlowNode[], tts: Record<string, unknown> = {}): FlowNode[] {
  return flows.map((node): FlowNode => {
    if (node.type === 'cartesia-account') {
      return { ...node, type: 'elevenlabs-account', credentials: { apiKey: '${ELEVENLABS_API_KEY}' } };
    }
    if (node.type !== 'cartesia-tts') return node;
    const { id, z, x, y, wires, account } = node;
    const place = { id, x, y, ...(z !== undefined && { z }), ...(wires && { wires }) };
    return { ...place, type: 'elevenlabs-tts', version: 1, name: '', account, voice: ELEVENLABS_VOICE, ...tts };
  });
}
