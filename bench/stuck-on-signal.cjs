/** Loaded into the pack by --lose-worker: on SIGURG the event loop of one worker thread stands still, for good. */
const { BroadcastChannel, isMainThread } = require('node:worker_threads');

const threads = new BroadcastChannel('stand-still');
threads.unref();
if (isMainThread) process.on('SIGURG', () => threads.postMessage(new Int32Array(new SharedArrayBuffer(4))));
else {
  threads.onmessage = ({ data: taken }) => {
    // Whichever comes first.
    if (Atomics.add(taken, 0, 1) === 0) for (;;);
  };
}
