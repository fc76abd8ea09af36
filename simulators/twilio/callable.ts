/** E.164, a client, or a SIP address: what Twilio can call. */
export function isCallable(address: string): boolean {
  return /^\+[1-9]\d{6,14}$/.test(address) || /^(client|sips?):\S+$/.test(address);
}
