/** A worker thread that has a remote context store, and runs what it is told with it: `(store, ask) => value`. */
require('tsx/cjs');
const { parentPort } = require('node:worker_threads');
const { remoteStore } = require('../../../nodes/call/workers/thread/context-store.ts');
const { connectMain } = require('../../../nodes/call/workers/main-line.ts');

connectMain({ send: (item) => parentPort.postMessage([item]) });
const stores = new Map();

parentPort.on('message', async ({ id, store: name, code, args }) => {
  if (!stores.has(name)) stores.set(name, remoteStore(name)());
  const store = stores.get(name);
  /** A method with its callback, as a promise for all that the callback is told. */
  const ask = (method, ...more) =>
    new Promise((resolve, reject) => {
      store[method](...more, (err, ...values) => (err ? reject(err) : resolve(values)));
    });
  try {
    // The test's code was compiled with names for its functions.
    const work = new Function('__name', `return ${code}`)((fn) => fn);
    const value = await work(store, ask, ...args);
    parentPort.postMessage({ id, value });
  } catch (err) {
    parentPort.postMessage({ id, error: err.message });
  }
});
