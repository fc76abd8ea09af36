/** Takes the README's picture: example 01 in a real editor. `npm run build && node --require tsx/cjs test/editor/picture.ts` */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { example, KEYS } from '../support/example';
import { NodeRedProcess } from '../support/node-red-process';
import { makeUserDir } from '../support/runtime';

declare const RED: { nodes: { getType(type: string): object | null }; actions: { invoke(name: string): void } };

const picture = resolve(__dirname, '../../docs/example-01.png');

async function main(): Promise<void> {
  Object.assign(process.env, KEYS, { PUBLIC_URL: 'https://agent.example.net' });
  const userDir = makeUserDir();
  const nodeRed = await NodeRedProcess.start(dirname(require.resolve('node-red/package.json')), userDir);
  // The keys come with the flow, as an import in the editor brings them.
  const response = await fetch(`${nodeRed.url}/flows`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(example('01')),
  });
  if (!response.ok) throw new Error(await response.text());
  const { default: sparticuz } = await import('@sparticuz/chromium');
  const browser = await chromium.launch({ executablePath: await sparticuz.executablePath(), args: sparticuz.args });
  try {
    const page = await browser.newPage({
      viewport: { width: 1200, height: 470 },
      deviceScaleFactor: 2,
      locale: 'en-US',
    });
    await page.route(
      (url) => !url.href.startsWith(nodeRed.url),
      (route) => route.fulfill({ status: 200, contentType: 'application/json', body: '{"modules":[]}' }),
    );
    await page.goto(nodeRed.url);
    await page.waitForFunction(() => typeof RED !== 'undefined' && RED.nodes.getType('twilio-out'));
    await page.locator('#red-ui-loading-progress').waitFor({ state: 'hidden' });
    await page.evaluate(() => RED.actions.invoke('core:toggle-sidebar'));
    await page.waitForTimeout(1500);
    mkdirSync(dirname(picture), { recursive: true });
    await page.locator('#red-ui-workspace').screenshot({ path: picture });
  } finally {
    await browser.close();
    await nodeRed.stop();
    rmSync(userDir, { recursive: true, force: true });
  }
}

void main();
