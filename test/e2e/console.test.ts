// The hub's web console in a real browser window: a hub as it runs in earnest, sites that train, a coordinator who clicks.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Hub, openHub } from '../../src/sync/hub/hub.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from '../integration/sync/federation-fixture.ts';
import { type Browser, openBrowser } from './browser-window.ts';
import { setStage, type Stage } from './imagiq-window.ts';

const commandLine = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
const stage = await setStage();
const bench = openBench();
let browser: Browser;
let page: Page;
let folder: string;
let base: string;
let hub: Hub;

async function link(role: string): Promise<string> {
  const flags = ['--json', 'hub', 'console-link', '--data', folder, '--role', role];
  const { stdout } = await promisify(execFile)(process.execPath, [commandLine, ...flags]);
  return (JSON.parse(stdout) as { link: string }).link;
}

async function show(label: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: label }).click();
  await page.getByRole('heading', { level: 1, name: label }).waitFor();
}

beforeAll(async () => {
  if (typeof stage === 'string') return;
  folder = bench.folder();
  hub = bench.keep(
    await openHub({
      folder,
      port: 0,
      federation: 'Chest CT',
      project: practiceProject({ title: 'Nodules on chest CT', commits: 40 }),
      initialWeights: weightsOf(0),
    }),
  );
  base = `http://127.0.0.1:${hub.port}`;
  for (const [name, examples] of [
    ['Lyon', 812],
    ['Oslo', 1_304],
    ['Quito', 377],
  ] as const) {
    const site = await bench.site(name, practiceWork({ step: 0.02, examples }));
    await site.join(await hub.createInvite());
    await until('the project', () => site.memberships()[0]?.project);
    await site.approve('Chest CT', 'cohort');
  }
  await until('some commits', async () => (await hub.status()).trunkVersion >= 5, 60_000);
  browser = await openBrowser(stage);
  page = browser.page;
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await bench.close();
  if (typeof stage !== 'string') (stage as Stage).close();
}, 60_000);

describe.skipIf(typeof stage === 'string')('the hub’s console in a browser', () => {
  test('without a session it says how to sign in; the one-time link does, and does not stay in the address', async () => {
    await page.goto(`${base}/`);
    await page.getByText('imagiq hub console-link').waitFor();
    await browser.screenshot('console-sign-in');
    await page.goto(await link('coordinator'));
    await page.getByTestId('health').waitFor();
    expect(page.url()).toBe(`${base}/console/#overview`);
    await page.getByText('of 3').first().waitFor();
  }, 120_000);

  test('each page shows the federation, in light and dark, small and large', async () => {
    for (const theme of ['Dark', 'Light']) {
      await page.getByRole('button', { name: theme, exact: true }).click();
      for (const size of [
        { width: 1280, height: 800 },
        { width: 2560, height: 1440 },
        { width: 480, height: 900 },
      ]) {
        await page.setViewportSize(size);
        for (const label of ['Overview', 'Members', 'Invites', 'Project', 'Trunk']) {
          await show(label);
          await page.locator('.card').first().waitFor();
          await browser.screenshot(`console-${label.toLowerCase()}-${theme.toLowerCase()}-${size.width}`);
          const overflow = await page.evaluate<number>(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          );
          expect([label, size.width, Math.max(0, overflow)]).toEqual([label, size.width, 0]);
        }
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await show('Members');
    expect(await page.getByTestId('validation').first().innerText()).toMatch(/^AUC \d\.\d{3}\s+trunk \d+$/);
    await show('Trunk');
    expect(await page.getByTestId('line-chart').count()).toBe(3);
    await expect
      .poll(() => page.getByTestId('line-chart').first().getAttribute('data-points').then(Number))
      .toBeGreaterThan(1);
  }, 120_000);

  test('an invite is made with a link and a QR code, and withdrawn', async () => {
    await show('Invites');
    await page.getByRole('button', { name: 'Make an invite' }).click();
    await page.getByRole('img', { name: 'The invite as a QR code' }).waitFor();
    expect(await page.getByRole('textbox', { name: 'Link' }).inputValue()).toMatch(/^imagiq:\/\/join\//);
    expect(await page.getByTestId('reach').innerText()).toContain('which only this machine can reach');
    await page.getByRole('dialog').getByLabel(`Fingerprint ${hub.fingerprint}`).waitFor();
    await browser.screenshot('console-invite');
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Withdraw…' }).click();
    await page.getByRole('button', { name: 'Withdraw it' }).click();
    await page.getByText('The invite is withdrawn').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Withdraw…' }).count()).toBe(0);
    await page.getByRole('cell', { name: /^withdrawn/ }).waitFor();
    await browser.screenshot('console-invites-withdrawn');
  });

  test('a member is expelled with a reason, by keyboard, and the page shows it', async () => {
    await show('Members');
    await page.getByRole('button', { name: 'End the membership of Quito' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Reason' }).fill('the agreement ended');
    await browser.screenshot('console-end-membership');
    expect(await page.getByRole('button', { name: 'Expel Quito' }).isEnabled()).toBe(true);
    await page.getByRole('button', { name: 'Expel Quito' }).press('Enter');
    await page.getByText('Quito is expelled').waitFor();
    await page.getByText('the agreement ended').waitFor();
    // The name stays beside the acts where the table is wider than the window.
    await page.locator('.flush').evaluate((card) => card.scrollTo({ left: card.scrollWidth }));
    expect((await page.getByRole('rowheader', { name: 'Quito' }).boundingBox())!.x).toBeGreaterThan(200);
    await browser.screenshot('console-members-after');
  });

  test('nothing from elsewhere runs or loads: the page’s policy holds', async () => {
    const problems: string[] = [];
    const note = (message: { text(): string }): void => void problems.push(message.text());
    page.on('console', note);
    onTestFinished(() => void page.off('console', note));
    await page.evaluate(`(() => {
      const script = document.createElement('script');
      script.textContent = 'window.ranFromElsewhere = true';
      document.head.append(script);
      const image = new Image();
      image.src = 'https://elsewhere.example/pixel.png';
      document.body.append(image);
    })()`);
    await expect.poll(() => problems.filter((text) => text.includes('Content Security Policy')).length).toBe(2);
    expect(await page.evaluate('window.ranFromElsewhere')).toBeUndefined();
  });

  test('an observer finds no act; after signing out nothing is shown', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('imagiq hub console-link').waitFor();
    await page.goto(await link('observer'));
    await page.reload();
    await page.getByText('Observer: reads only').waitFor();
    await show('Members');
    await page.getByText('Lyon').first().waitFor();
    expect(await page.getByRole('button', { name: /End the membership/ }).count()).toBe(0);
    await show('Invites');
    expect(await page.getByRole('button', { name: 'Make an invite' }).count()).toBe(0);
  }, 120_000);

  test('while the hub does not answer nothing is said to be well, and nobody to be connected', async () => {
    await page.clock.setFixedTime('2031-03-04T10:11:00');
    await Promise.all([page.waitForResponse(/api\/overview$/), show('Overview')]);
    await page.getByText('of 2').first().waitFor();
    // Another page is read later: what the overview shows is no newer for it.
    await page.clock.setFixedTime('2031-03-04T20:22:00');
    await Promise.all([page.waitForResponse(/api\/members$/), show('Members')]);
    await page.getByText('connected', { exact: true }).first().waitFor();
    await hub.close();
    await show('Overview');
    await page.getByText('The hub does not answer').waitFor({ timeout: 60_000 });
    expect(await page.getByTestId('health').innerText()).toBe('not known');
    expect(await page.getByText('This is how it was at').innerText()).toMatch(/10.11/);
    expect(await page.locator('dd').first().innerText()).toBe('not known');
    await browser.screenshot('console-overview-hub-away');
    await show('Members');
    await page.getByText('not known').first().waitFor();
    expect(await page.getByText('connected', { exact: true }).count()).toBe(0);
    await browser.screenshot('console-members-hub-away');
  }, 120_000);
});
