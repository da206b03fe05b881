// The console in a real browser.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, type Seed, startEmulator } from '../../src/index.ts';
import { findAccessibilityProblems, openBrowser } from '../support/browser.ts';
import { requestCredentials } from '../support/request-credentials.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'emulator-console-'));
const THINGS = 10_000;

let aws: Emulator;
let device: Seed;
let browser: Browser;
let page: Page;
const addresses = new Set<string>();
const errors: string[] = [];

beforeAll(async () => {
  [aws, browser] = await Promise.all([startEmulator(), openBrowser()]);
  device = await aws.seed({ thingName: 'press-1', roleAlias: 'plant' });
  for (let i = 1; i < THINGS; i++) {
    aws.iot.createThing({ thingName: `sensor-${String(i).padStart(5, '0')}` });
  }
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  context.on('request', (request) => addresses.add(request.url()));
  context.on('weberror', (error) => errors.push(error.error().message));
  await page.goto(aws.consoleUrl);
});
afterAll(async () => {
  await browser.close();
  await aws.close();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(() => expect(errors).toEqual([]));

const heading = (name: string) => page.getByRole('heading', { level: 1, name });
/** Shows a view, and reloads it if it is already shown. */
const show = async (view: string, title: string) => {
  for (const fragment of ['#/things/none', `#/${view}`]) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, fragment);
    await heading(fragment === '#/things/none' ? 'Thing none' : title).waitFor();
  }
};

describe('the token', () => {
  it('leaves the address, and is kept for a reload', async () => {
    await heading('Things').waitFor();
    expect(page.url()).toBe(`${aws.apiEndpoint}/_emulator/console/#/things`);
    await page.reload();
    await page.getByRole('link', { name: 'press-1' }).waitFor();
    expect(await page.content().then((html) => html.includes(aws.controlToken))).toBe(false);
  });

  it('is asked for if it is missing or wrong', async () => {
    const other = await (await browser.newContext()).newPage();
    await other.goto(`${aws.apiEndpoint}/_emulator/console`);
    await other.getByLabel('Control token').fill('wrong');
    await other.getByRole('button', { name: 'Open the console' }).click();
    await other.getByRole('alert').getByText('rejected the token').waitFor();
    expect(await other.getByRole('link').count()).toBe(0);
    await other.getByLabel('Control token').fill(aws.controlToken);
    await other.keyboard.press('Enter');
    await other.getByRole('link', { name: 'press-1' }).waitFor();
    await other.context().close();
  });
});

describe('things', () => {
  it('are shown in pages, and found', async () => {
    await show('things', 'Things');
    const rows = page.getByRole('table').getByRole('row');
    await page.getByText('1 to 50 of 10,000 things').waitFor();
    expect(await rows.count()).toBe(51);
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByText('51 to 100 of 10,000 things').waitFor();
    await page.getByRole('link', { name: 'sensor-00099' }).waitFor();
    expect(await rows.count()).toBe(51);
    await page.getByRole('button', { name: 'Previous page' }).click();
    await page.getByText('1 to 50 of 10,000 things').waitFor();
    await page.getByLabel('Search by name').fill('SENSOR-0999');
    await page.getByText('1 to 10 of 10 things').waitFor();
    await page.getByLabel('Search by name').fill('no such');
    await page.getByText('No thing matches.').waitFor();
  });

  it('are shown with their certificates, policies and groups', async () => {
    const { iot } = aws;
    iot.createThingGroup({ thingGroupName: 'hall' });
    iot.addThingToThingGroup({ thingName: 'press-1', thingGroupName: 'hall' });
    await show('things/press-1', 'Thing press-1');
    await page.getByRole('heading', { name: device.certificateId }).waitFor();
    await page.getByRole('heading', { name: 'hall' }).waitFor();
    await page.getByText(device.policyName, { exact: true }).first().click();
    await page.getByText('"iot:AssumeRoleWithCertificate"').first().waitFor();
    await show('things/nobody', 'Thing nobody');
    await page.getByRole('alert').getByText('nobody').waitFor();
  });

  it('would get credentials or not, step by step, with commands that mend it', async () => {
    const { iot } = aws;
    const { policyName, certificateId, certificateArn: target } = device;
    await show('things/press-1', 'Thing press-1');
    await page.getByRole('status').getByText('This thing gets credentials').waitFor();
    await page.getByText(`Allow by policy ${policyName}`).waitFor();
    await page.getByText(`Role ${device.roleArn}, for 3600 s`).waitFor();
    iot.detachPolicy({ policyName, target });
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.getByRole('status').getByText('This thing gets no credentials').waitFor();
    await page.getByRole('heading', { name: 'policy fails' }).waitFor();
    await page.getByRole('heading', { name: 'role alias not reached' }).waitFor();
    await page
      .getByText(/^aws iot .*policy/)
      .first()
      .waitFor();
    iot.attachPolicy({ policyName, target });
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.getByRole('status').getByText('This thing gets credentials').waitFor();
    iot.createRoleAlias({ roleAlias: 'zone', roleArn: device.roleArn });
    await show('things/press-1', 'Thing press-1');
    await page.getByLabel('Role alias').selectOption('zone');
    await page.getByRole('heading', { name: 'policy fails' }).waitFor();
    expect(await page.getByLabel('Certificate', { exact: true }).inputValue()).toBe(certificateId);
  });

  it('have lines to copy that get credentials', async () => {
    const folder = join(dir, 'aws');
    await using stored = await startEmulator({ dir: folder });
    const made = await stored.seed({ thingName: 'press-1', roleAlias: 'plant' });
    writeFileSync(join(folder, 'press-1-cert.pem'), made.certificatePem);
    writeFileSync(join(folder, 'press-1-key.pem'), made.privateKeyPem, { mode: 0o600 });
    const tab = await page.context().newPage();
    await tab.goto(stored.consoleUrl);
    await tab.getByRole('link', { name: 'press-1' }).click();
    const copy = async (name: string) => {
      await tab.getByRole('button', { name }).click();
      await tab.getByRole('status').getByText('Copied').waitFor();
      return tab.evaluate(() => navigator.clipboard.readText());
    };
    const curl = await copy('Copy the lines for curl');
    const cli = await copy('Copy the lines for AWS CLI');
    const node = await copy('Copy the lines for Session (Node.js)');
    expect(await copy('Copy the lines for Session helper (Python)')).toContain(
      'Boto3SessionProvider(',
    );
    await tab.close();
    const program = `${node}\nconsole.log(accessKeyId.slice(0, 4));`;
    const [fromCurl, fromCli, fromNode] = await Promise.all([
      run('bash', ['-c', curl], { cwd: dir }),
      run('bash', ['-c', cli], { cwd: root }),
      run(process.execPath, ['--input-type=module', '--eval', program], { cwd: root }),
    ]);
    expect(Object.keys(JSON.parse(fromCurl.stdout))).toEqual(['credentials']);
    const arn = `arn:aws:sts::${stored.accountId}:assumed-role/${made.roleName}/${made.certificateId}`;
    expect(JSON.parse(fromCli.stdout)).toMatchObject({ Arn: arn });
    expect(fromNode.stdout).toBe('ASIA\n');
  });
});

describe('requests', () => {
  const rows = () => page.getByRole('table', { name: 'Requests' }).getByRole('row');

  it('are shown live, with their reasons and faults, and filtered', async () => {
    await show('requests', 'Requests');
    await page.getByText('Live').waitFor();
    aws.faults.add({ response: { status: 503 }, count: 1 });
    await requestCredentials(aws, device);
    aws.faults.clear();
    await requestCredentials(aws, { ...device, thingName: 'no-thing' });
    await requestCredentials(aws, device);
    await rows().filter({ hasText: 'there is no thing no-thing' }).waitFor();
    await rows().filter({ hasText: 'fault: response 503' }).waitFor();
    await rows().filter({ hasText: '200' }).filter({ hasText: 'TLSv1.3' }).first().waitFor();
    await page.getByRole('img', { name: /^Timeline of \d+ requests .* 2 failed/ }).waitFor();
    await page.getByLabel('Status').selectOption('5xx');
    await expect.poll(() => rows().count()).toBe(2);
    await page.getByRole('button', { name: 'Reset the filters' }).click();
    await page.getByLabel('Thing', { exact: true }).fill('no-thing');
    await expect.poll(() => rows().count()).toBe(2);
    await page.getByLabel('Text', { exact: true }).fill('IS NO THING');
    await expect.poll(() => rows().count()).toBe(2);
    await page.getByLabel('Text', { exact: true }).fill('nothing has this text');
    await page.getByText('No request matches yet.').waitFor();
    await page.getByRole('button', { name: 'Reset the filters' }).click();
    await page.getByLabel('Endpoint').selectOption('AWS APIs');
    await expect.poll(() => page.getByText('there is no thing no-thing').count()).toBe(0);
    await page.getByRole('button', { name: 'Reset the filters' }).click();
  });

  it('stay while the log is paused', async () => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('status').getByText('Paused').waitFor();
    const before = await page.locator('#count').textContent();
    await requestCredentials(aws, { ...device, thingName: 'paused' });
    await page.waitForTimeout(300);
    expect(await page.locator('#count').textContent()).toBe(before);
    await page.getByRole('button', { name: 'Pause' }).click();
    await rows().filter({ hasText: 'there is no thing paused' }).waitFor();
  });

  it('are counted under load, and the emulator stays responsive', async () => {
    const before = aws.requests.latest.at(-1)?.sequence ?? 0;
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const client = async () => {
      for (let i = 0; i < 60; i++) await (await fetch(`${aws.apiEndpoint}/things`)).text();
    };
    await Promise.all(Array.from({ length: 10 }, client));
    delay.disable();
    const made = (aws.requests.latest.at(-1)?.sequence ?? 0) - before;
    expect(made).toBe(600);
    // Client and emulator share it, with other tests beside them: this only finds what holds it all the time.
    expect(delay.percentile(50) / 1e6).toBeLessThan(500);
    await expect
      .poll(async () => {
        const text = (await page.locator('#count').textContent()) ?? '';
        const [, latest = 0, dropped = 0] = /latest (\d+)(?:; (\d+) left out)?/.exec(text) ?? [];
        return Number(latest) + Number(dropped);
      })
      .toBe(before + made);
    expect(await rows().count()).toBe(101);
  });
});

describe('faults', () => {
  it('are added and removed with the keyboard alone', async () => {
    await show('things', 'Things');
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await page.getByRole('button', { name: 'Skip to the content' }).focus();
    await press('Tab', 'Tab', 'Tab', 'Enter');
    await heading('Faults').waitFor();
    await expect.poll(() => focused()).toBe('H1 Faults');
    await press('Tab');
    await page.keyboard.type('press-1');
    await press('Tab');
    await page.keyboard.type('many');
    await press('Enter');
    await page.getByRole('alert').getByText('"count" must be a whole number').waitFor();
    const count = page.getByLabel('Count');
    expect(await count.getAttribute('aria-invalid')).toBe('true');
    expect(await count.evaluate((element) => element === document.activeElement)).toBe(true);
    await press('Control+A');
    await page.keyboard.type('3');
    await press('Tab', 'Tab', 'Tab', 'Tab');
    await page.keyboard.type('5');
    await press('Enter');
    await page.getByRole('status').getByText('The fault was added.').waitFor();
    const added = { id: expect.any(String), thingName: 'press-1', count: 3, delayMs: 5 };
    expect(aws.faults.list()).toEqual([added]);
    await expect.poll(() => focused()).toBe('H2 Active faults');
    await page.getByText('{"thingName":"press-1","count":3,"delayMs":5}').waitFor();
    await press('Tab', 'Enter');
    await page.getByRole('status').getByText('The fault was removed.').waitFor();
    expect(aws.faults.list()).toEqual([]);
  });

  it.each([
    [{ Delay: '20' }, { delayMs: 20 }],
    [
      { Status: '429', Body: '{}', 'Header fields': 'retry-after: 60\nx: a:b' },
      { response: { status: 429, body: '{}', headers: { 'retry-after': '60', x: 'a:b' } } },
    ],
    [
      { Probability: '0.5', Seed: '7', Action: 'reset' },
      { probability: 0.5, seed: 7, action: 'reset' },
    ],
    [
      { 'Rate of the body': '10', 'Rate of requests': '5' },
      { bytesPerSecond: 10, requestsPerSecond: 5 },
    ],
    [
      { 'TLS alert': 'unknown_ca', 'Server certificate': 'expired' },
      { tlsAlert: 'unknown_ca', serverCertificate: 'expired' },
    ],
    [{ Connection: 'no-handshake' }, { connection: 'no-handshake' }],
    [
      { Service: 'sts', Status: '400', Error: 'Throttling', 'Message of the error': 'Slow down' },
      {
        service: 'sts',
        response: { status: 400, errorCode: 'Throttling', message: 'Slow down' },
      },
    ],
    [
      { 'Clock offset': '-1000', 'Lifetime of credentials': '-5' },
      { clockOffsetMs: -1000, lifetimeMs: -5 },
    ],
  ])('from the form %j are %j', async (fields, fault) => {
    await show('faults', 'Faults');
    const form = page.locator('form');
    for (const [label, value] of Object.entries(fields)) {
      const field = form.getByLabel(label, { exact: true });
      const isChoice = (await field.evaluate(({ tagName }) => tagName)) === 'SELECT';
      await (isChoice ? field.selectOption(value) : field.fill(value));
    }
    await page.getByRole('button', { name: 'Add the fault' }).click();
    await expect.poll(() => aws.faults.list()).toEqual([{ id: expect.any(String), ...fault }]);
    await page.getByRole('button', { name: 'Remove all faults' }).click();
    await expect.poll(() => aws.faults.list()).toEqual([]);
  });

  it.each([
    [{ Probability: '2' }, 'Probability', '"probability" must be more than 0'],
    [{ Status: '99' }, 'Status', '"response" must have a status from 200 to 599'],
    [{ Status: '200', 'Header fields': 'a b: c' }, 'Header fields', 'invalid header field'],
    [{ Thing: 'x', Connection: 'refuse' }, 'Connection', 'cannot depend on the thing'],
  ])('from the form %j are refused at %s', async (fields, label, message) => {
    await show('faults', 'Faults');
    const form = page.locator('form');
    for (const [name, value] of Object.entries(fields)) {
      const field = form.getByLabel(name, { exact: true });
      await (name === 'Connection' ? field.selectOption(value) : field.fill(value));
    }
    await page.getByRole('button', { name: 'Add the fault' }).click();
    await page.getByRole('alert').getByText(message).waitFor();
    const field = form.getByLabel(label, { exact: true });
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(aws.faults.list()).toEqual([]);
  });

  /** A link and the heading that it leads to have the same text. */
  const focused = () =>
    page.evaluate(
      () => `${document.activeElement?.tagName} ${document.activeElement?.textContent}`,
    );
});

it('credentials are shown with the time left', async () => {
  aws.credentials.setLifetime(90_000);
  await requestCredentials(aws, device);
  aws.credentials.setLifetime(undefined);
  aws.faults.add({ lifetimeMs: -1000, count: 1 });
  await requestCredentials(aws, device);
  await show('credentials', 'Credentials');
  const rows = page.getByRole('table').getByRole('row');
  await rows.filter({ hasText: 'expired' }).filter({ hasText: 'press-1' }).waitFor();
  await rows.filter({ hasText: /1 min \d+ s/ }).waitFor();
});

describe('the page', () => {
  it.each([
    ['things', 'Things'],
    ['things/press-1', 'Thing press-1'],
    ['requests?thing=no-thing', 'Requests'],
    ['faults', 'Faults'],
    ['credentials', 'Credentials'],
  ])('%s is accessible in light and dark, and as wide as a phone', async (view, title) => {
    aws.faults.add({ delayMs: 1, count: 1 });
    await show(view, title);
    await page.locator('table, ol').first().waitFor();
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      const overflow = () =>
        page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(await overflow()).toBeLessThanOrEqual(0);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        expect(await findAccessibilityProblems(page)).toEqual([]);
      }
    }
    aws.faults.clear();
  });

  it('would not pass with a field without a label', async () => {
    await show('things', 'Things');
    await page.evaluate(() =>
      document.querySelector('main')?.append(document.createElement('input')),
    );
    expect(await findAccessibilityProblems(page)).toEqual([
      expect.stringMatching(/^label: <input/),
    ]);
    await show('requests', 'Requests');
  });

  it('requests nothing from another host', () => {
    expect(addresses.size).toBeGreaterThan(10);
    for (const address of addresses) {
      expect(address === 'data:,' || address.startsWith('http://127.0.0.1:')).toBe(true);
    }
  });
});
