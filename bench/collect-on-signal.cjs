/** Loaded into both systems, with --expose-gc: SIGWINCH collects garbage, so that memory can be compared before and under load.
 * (Node-RED itself ends on most of the other signals.) Signals reach the main thread alone, which tells those of its workers. */
const { BroadcastChannel, isMainThread } = require('node:worker_threads');

const threads = new BroadcastChannel('collect-garbage');
threads.unref();
if (isMainThread) {
  process.on('SIGWINCH', () => {
    globalThis.gc();
    threads.postMessage('');
  });
} else threads.onmessage = () => globalThis.gc();
