// A station's keys sealed by a real key chain, the Secret Service of a Linux desktop, in the real window: turned on and off, and what
// is said where the key chain is locked, was made anew, or is none.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { startHub } from './hub-process.ts';
import { type KeyChain, keyChainLacks, logIn } from './key-chain.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
let stage: Stage | string;
let home = '';
let keyrings = '';
/** Bytes of the device's keys as they were before they were sealed. */
let plain = '';
let opened: OpenWindow | null = null;
let keyChain: KeyChain | null = null;

beforeAll(async () => {
  stage = keyChainLacks() ?? (await setStage());
  if (typeof stage === 'string') return;
  home = newFolder('home');
  keyrings = newFolder('keyrings');
}, 180_000);

afterEach(async () => {
  await opened?.close();
  await keyChain?.close();
  opened = null;
  keyChain = null;
});

afterAll(() => {
  if (typeof stage === 'object') stage.close();
});

/** The window in a desktop session whose keyrings lie in `folder`. */
async function session(
  context: TestContext,
  folder: string,
  password: string,
  state?: 'failed',
  inFolder = home,
): Promise<OpenWindow> {
  if (typeof stage === 'string') context.skip(stage);
  keyChain = await logIn(folder, password);
  const { env, words } = keyChain;
  opened = await openImagiq(stage, inFolder, { env, words, ...(state && { state }) });
  const { screenshot, page } = opened;
  context.onTestFailed(() => screenshot(`failed: ${context.task.name}`.replaceAll(/\W+/g, '-')));
  await page.setViewportSize({ width: 1280, height: 800 });
  return opened;
}

const inHome = (...names: string[]): string => path.join(home, ...names);
const deviceKeys = (): string => readFileSync(inHome('federations', 'keys', 'device-keys'), 'latin1');

function status(): unknown {
  const { stdout } = spawnSync(process.execPath, [cli, '--home', home, '--json', 'status'], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

/** Command lines and environments of all processes that work on this home folder, as other processes of the user may read them. */
function toldByArguments(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return line.includes(home) ? line + readFileSync(`/proc/${pid}/environ`, 'latin1') : '';
      } catch {
        return '';
      }
    })
    .join('\n');
}

describe('a station’s keys and the system’s key chain', { timeout: 180_000 }, () => {
  test('may be sealed with the first join, by one click', async (context) => {
    if (typeof stage === 'string') context.skip(stage);
    const hub = await startHub({ federation: 'Chest CT', classes: 'effusion,nodule' });
    context.onTestFinished(() => hub.close());
    const first = newFolder('first');
    const { page, screenshot } = await session(context, keyrings, 'login', undefined, first);
    await page.getByRole('button', { name: 'Federation' }).click();
    await page.getByLabel('Invite').fill(hub.newInvite());
    await page.getByLabel('Name of your site').fill('Lyon');
    const box = page.getByLabel('Also seal this station’s keys');
    expect(await box.isChecked()).toBe(false);
    await screenshot('join-seal-offer');
    await box.check();
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByText('The keys of this device are sealed').waitFor();
    const keys = readFileSync(path.join(first, 'federations', 'keys', 'device-keys'), 'latin1');
    expect(keys).not.toContain('PRIVATE KEY');
    // Nobody is asked twice.
    await page.getByRole('button', { name: 'Join another' }).click();
    await page.getByLabel('Invite').fill(hub.newInvite());
    await page.getByLabel('Name of your site').waitFor();
    expect(await box.count()).toBe(0);
  });

  test('are plain at first, and sealed by one switch', async (context) => {
    const { page, screenshot } = await session(context, keyrings, 'login');
    await page.getByRole('button', { name: 'Settings' }).click();
    const card = page.getByRole('region', { name: 'Keys', exact: true });
    await card.scrollIntoViewIfNeeded();
    const box = card.getByLabel('Seal this station’s keys with the system’s key chain');
    expect(await box.isChecked()).toBe(false);
    await screenshot('keys-plain');
    plain = deviceKeys();
    expect(plain).toContain('PRIVATE KEY');
    await box.check();
    await card.getByText('sealed', { exact: true }).waitFor();
    await screenshot('keys-sealed');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot('keys-sealed-dark');
    expect(deviceKeys()).not.toContain('PRIVATE KEY');
    expect(status()).toMatchObject({ keysSealed: true });
  });

  test('open at the next start; no argument and no variable tells the key', async (context) => {
    const { app } = await session(context, keyrings, 'login');
    expect(status()).toMatchObject({ keysSealed: true });
    const sealedKey = readFileSync(inHome('keys', 'sealed-by-system')).toString('base64');
    const key = await app.evaluate(
      ({ safeStorage }, sealed) => safeStorage.decryptString(Buffer.from(sealed, 'base64')),
      sealedKey,
    );
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    expect(toldByArguments()).toContain('station.ts');
    for (const form of [key, Buffer.from(key, 'base64').toString('hex')]) expect(toldByArguments()).not.toContain(form);
  });

  test('are refused to imagiq while the app is closed, by name', (context) => {
    if (typeof stage === 'string') context.skip(stage);
    expect(status()).toMatchObject({ fault: { code: 695 } });
  });

  test.for([
    ['locked', () => keyrings, 'another login', 704, 'locked'],
    ['another one', () => newFolder('other-keyrings'), 'login', 705, 'cannot open them'],
  ] as const)(
    'stay as they are where the key chain is %s: the window says what to do',
    async ([, folder, password, code, words], context) => {
      // Before there are keys to look at.
      if (typeof stage === 'string') context.skip(stage);
      const before = deviceKeys();
      const { page, screenshot } = await session(context, folder(), password, 'failed');
      const notice = page.getByTestId('station-notice');
      await notice.getByText(words).waitFor();
      expect(await notice.getAttribute('data-code')).toBe(String(code));
      await screenshot(`keys-${code}`);
      expect(deviceKeys()).toBe(before);
      expect(existsSync(inHome('federations', 'keys', 'device-keys.new'))).toBe(false);
    },
  );

  test('stay as they are where the shell fails: the switch says so, shows what is, and can be tried again', async (context) => {
    const { app, page } = await session(context, keyrings, 'login');
    await app.evaluate(({ ipcMain }) => {
      ipcMain.removeHandler('seal-keys');
      ipcMain.handle('seal-keys', () => {
        throw new Error('the shell is out of order');
      });
    });
    await page.getByRole('button', { name: 'Settings' }).click();
    const card = page.getByRole('region', { name: 'Keys', exact: true });
    const box = card.getByLabel('Seal this station’s keys');
    await box.click();
    await card.getByRole('alert').waitFor();
    await expect.poll(() => box.isEnabled()).toBe(true);
    expect(await box.isChecked()).toBe(true);
  });

  test('are plain again when the switch is turned off, and the same keys', async (context) => {
    const { page } = await session(context, keyrings, 'login');
    await page.getByRole('button', { name: 'Settings' }).click();
    const card = page.getByRole('region', { name: 'Keys', exact: true });
    await card.getByLabel('Seal this station’s keys').uncheck();
    await card.getByText('plain', { exact: true }).waitFor();
    expect(deviceKeys()).toBe(plain);
    expect(existsSync(inHome('keys', 'sealed-by-system'))).toBe(false);
    await opened?.close();
    opened = null;
    expect(status()).toMatchObject({ keysSealed: false });
  });

  test('are not offered a seal where no key chain is', async (context) => {
    if (typeof stage === 'string') context.skip(stage);
    opened = await openImagiq(stage as Stage, home, { words: ['--password-store=basic'] });
    const { page, screenshot } = opened;
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'Settings' }).click();
    const card = page.getByRole('region', { name: 'Keys', exact: true });
    await card.scrollIntoViewIfNeeded();
    await card.getByText('No key chain answers in this session').waitFor();
    expect(await card.getByLabel('Seal this station’s keys').isDisabled()).toBe(true);
    await screenshot('keys-not-offered');
  });
});
