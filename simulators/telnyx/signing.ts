import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** DER in front of a raw ed25519 key: PKCS #8 for the private one, SPKI for the public one (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX_BYTES = 12;

/**
 * How a webhook is signed: as Telnyx does, or as somebody else would: with another key, for another body, at a time more than 300 s off, with
 * something that is no signature, or not at all.
 */
export type WebhookSignature = 'right' | 'wrong-key' | 'wrong-body' | 'old' | 'future' | 'garbage' | 'missing';

/** How far an old (or future) signature is off, in s: over the 300 s that contracts/telnyx.md section 2 allows. */
const OFF_S = 301;

/** The key pair of one Telnyx account, with which its webhooks are signed (contracts/telnyx.md section 2). */
export class SigningKey {
  /** Base64 of the 32 raw bytes: as the portal shows it. */
  readonly publicKey: string;
  /** Base64 of the 44 bytes SPKI, as some people paste it. */
  readonly publicKeySpki: string;
  private readonly key: KeyObject;

  /** @param seed any text: the same key pair for the same text. Without it, a new one. */
  constructor(seed?: string) {
    this.key =
      seed === undefined
        ? generateKeyPairSync('ed25519').privateKey
        : createPrivateKey({
            key: Buffer.concat([PKCS8_PREFIX, createHash('sha256').update(seed).digest()]),
            format: 'der',
            type: 'pkcs8',
          });
    const spki = createPublicKey(this.key).export({ format: 'der', type: 'spki' });
    this.publicKeySpki = spki.toString('base64');
    this.publicKey = spki.subarray(SPKI_PREFIX_BYTES).toString('base64');
  }

  /** Base64 of the signature over `timestamp|body`. */
  sign(timestamp: string, body: string): string {
    return sign(null, Buffer.from(`${timestamp}|${body}`), this.key).toString('base64');
  }

  /** The headers of a webhook sent now. */
  headers(body: string, variant: WebhookSignature = 'right'): Record<string, string> {
    if (variant === 'missing') return {};
    const off = variant === 'old' ? -OFF_S : variant === 'future' ? OFF_S : 0;
    const timestamp = String(Math.floor(Date.now() / 1000) + off);
    const key = variant === 'wrong-key' ? new SigningKey() : this;
    const signature =
      variant === 'garbage' ? 'AAAA' : key.sign(timestamp, variant === 'wrong-body' ? `${body} ` : body);
    return { 'telnyx-timestamp': timestamp, 'telnyx-signature-ed25519': signature };
  }
}
