/** What was refused or dropped, since the process began: attacks and faults are counted, and leave nothing else behind. */
export const refused = {
  /** Requests and upgrades without a signature, or with a wrong or an old one. */
  signature: 0,
  /** Media sockets whose token is wrong, used or late, or whose call is not here any more. */
  token: 0,
  /** Media sockets without a start in time, or whose start names another call or other audio. */
  start: 0,
  /** Media sockets that sent a binary frame. */
  binary: 0,
  /** Media sockets that sent a frame larger than 64 kB, or no WebSocket frame at all. */
  oversized: 0,
  /** Text frames that were no JSON of the contract: ignored. */
  malformed: 0,
  /** Messages of audio not sent, for the socket took no more. */
  backpressure: 0,
  /** Frames of the caller's voice that came when their place had passed, or twice. */
  late: 0,
};
