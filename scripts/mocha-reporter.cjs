'use strict';
/** Mocha's "spec" report, and its numbers and failures as JSON for scripts/test.mjs to add up. */
const { writeFileSync } = require('node:fs');
const Mocha = require('mocha');

module.exports = class SummingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { output } = options.reporterOptions;
    const failed = [];
    runner.on('fail', (test, error) => failed.push(`${test.fullTitle()}\n${error?.stack ?? error}`));
    runner.once('end', () => {
      const { passes, failures, pending } = runner.stats;
      writeFileSync(output, JSON.stringify({ passes, failures, pending, failed }));
    });
  }
};
