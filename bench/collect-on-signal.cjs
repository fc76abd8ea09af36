/** Loaded into both systems, with --expose-gc: SIGWINCH collects garbage, so that memory can be compared before and under load.
 * (Node-RED itself ends on most of the other signals.) */
process.on('SIGWINCH', () => globalThis.gc());
