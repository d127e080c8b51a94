// A project's life at the hub's web console, in a real browser window: written, put to the sites, answered, retired.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { projectNetworks } from '../../src/cli/project-networks.ts';
import { consoleLinkIn } from '../../src/sync/hub/console/sign-in.ts';
import { type Hub, openHub } from '../../src/sync/hub/hub.ts';
import { openBench, type PracticeSite, practiceWork, until } from '../integration/sync/federation-fixture.ts';
import { type Browser, openBrowser } from './browser-window.ts';
import { setStage, type Stage } from './imagiq-window.ts';

const stage = await setStage();
const bench = openBench();
let browser: Browser;
let page: Page;
let hub: Hub;
let lyon: PracticeSite;
let oslo: PracticeSite;

async function show(label: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: label }).click();
}

beforeAll(async () => {
  if (typeof stage === 'string') return;
  const folder = bench.folder();
  hub = bench.keep(await openHub({ folder, port: 0, federation: 'Chest CT', networks: projectNetworks }));
  lyon = await bench.site('Lyon', practiceWork({ step: 0.02, examples: 812 }));
  oslo = await bench.site('Oslo', practiceWork({ step: 0.02, examples: 377 }));
  for (const site of [lyon, oslo]) await site.join(await hub.createInvite());
  browser = await openBrowser(stage);
  page = browser.page;
  page.setDefaultTimeout(20_000);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto((await consoleLinkIn(folder, 'coordinator')).link);
  await page.getByTestId('health').waitFor();
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await bench.close();
  if (typeof stage !== 'string') (stage as Stage).close();
}, 60_000);

describe.skipIf(typeof stage === 'string')('a project at the console', () => {
  test('is written with the hub’s word beside each field, and kept while another page is looked at', async () => {
    await show('Project');
    await browser.screenshot('console-no-project');
    await page.getByRole('button', { name: 'New project' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'New project' }).waitFor();
    const propose = page.getByRole('button', { name: 'Put to the sites…' });
    await page.getByText('2 things to put right').waitFor();
    expect(await propose.isEnabled()).toBe(false);
    await page.getByRole('textbox', { name: 'Title' }).fill('Nodules on chest CT');
    await page.getByRole('textbox', { name: 'Classes' }).fill('normal, nodule');
    await page.getByRole('combobox', { name: 'Network' }).selectOption('cnn-small');
    await page.getByText('The hub can use it.').waitFor();
    await browser.screenshot('console-propose');

    const rule = page.getByRole('region', { name: 'How the shared model moves' });
    await rule.getByText('More', { exact: true }).click();
    await page.getByRole('combobox', { name: 'What staleness lessens' }).selectOption('share');
    await page.getByRole('combobox', { name: 'Combination' }).selectOption('krum');
    await rule.getByText('there is no share for staleness to lessen').waitFor();
    await page.getByRole('combobox', { name: 'What staleness lessens' }).selectOption('step');
    await rule
      .getByText('Krum stands 1 lying sites among 5 or more, not among 2; raise “Updates for each commit”')
      .waitFor();
    await rule.scrollIntoViewIfNeeded();
    await browser.screenshot('console-propose-refused');
    await page.getByRole('combobox', { name: 'Combination' }).selectOption('mean');

    await page.getByRole('checkbox', { name: 'Secure aggregation' }).check();
    const travels = page.getByRole('region', { name: 'What travels' });
    await travels.getByText('which float16 would destroy').waitFor();
    await travels.scrollIntoViewIfNeeded();
    await browser.screenshot('console-propose-masked');
    await page.getByRole('checkbox', { name: 'Secure aggregation' }).uncheck();
    await page.getByText('The hub can use it.').waitFor();
    expect(await propose.isEnabled()).toBe(true);

    await show('Members');
    await page.getByText('Lyon').first().waitFor();
    await show('Project');
    expect(await page.getByRole('textbox', { name: 'Title' }).inputValue()).toBe('Nodules on chest CT');
  }, 120_000);

  test('keeps a limit on, and its field in sight, while its number is typed anew', async () => {
    const rule = page.getByRole('region', { name: 'How the shared model moves' });
    await rule.getByText('More', { exact: true }).click();
    const refused = rule.getByRole('checkbox', { name: 'Refuse long updates' });
    await refused.check();
    const longest = rule.getByRole('spinbutton', { name: 'Longest accepted update' });
    await longest.fill('');
    await rule.getByText('must be a number').waitFor();
    expect(await refused.isChecked()).toBe(true);
    await longest.fill('0');
    await rule.getByText('must be above 0').waitFor();
    await longest.fill('0.5');
    await page.getByText('The hub can use it.').waitFor();
    expect(await longest.isVisible()).toBe(true);
    await refused.uncheck();
    await page.getByText('The hub can use it.').waitFor();
  }, 60_000);

  test('is put to the sites with what follows named; each answer is seen with its reason', async () => {
    await page.getByRole('button', { name: 'Put to the sites…' }).press('Enter');
    await page.getByText('The data managers of 2 sites are asked: Lyon, Oslo.').waitFor();
    await browser.screenshot('console-propose-confirm');
    await page.getByRole('dialog').getByRole('button', { name: 'Put to the sites' }).click();
    await page.getByRole('heading', { level: 1, name: 'Project' }).waitFor();
    await until('the question', () => lyon.memberships()[0]?.project && oslo.memberships()[0]?.project);
    oslo.decline('Chest CT', 'our ethics board has not met');
    await page.getByText('our ethics board has not met').waitFor();
    await page.getByText('no answer yet').waitFor();
    await lyon.approve('Chest CT', 'cohort');
    await page.getByText('approved').waitFor();
    expect(await page.getByTestId('standing').innerText()).toBe('running');
    await browser.screenshot('console-project-answers');
  }, 120_000);

  test('is changed from what it is, which the sites would be asked anew', async () => {
    await page.getByRole('button', { name: 'Change it…' }).click();
    await page.getByText('The federation works on exactly this already.').waitFor();
    expect(await page.getByRole('button', { name: 'Put to the sites…' }).isEnabled()).toBe(false);
    await page.locator('input[name="commits"]').fill('30');
    await page.getByText('The hub can use it.').waitFor();
    await page.getByRole('button', { name: 'Throw away' }).click();
    await page.getByRole('heading', { level: 1, name: 'Project' }).waitFor();
  }, 120_000);

  test('is retired with a reason, and the ledger has every act', async () => {
    await page.getByRole('button', { name: 'Retire…' }).click();
    const retire = page.getByRole('button', { name: 'Retire the project' });
    expect(await retire.isEnabled()).toBe(false);
    await page.getByRole('textbox', { name: 'Reason' }).fill('the study ended');
    await browser.screenshot('console-retire');
    await retire.press('Enter');
    await expect.poll(() => page.getByTestId('standing').innerText()).toBe('finished');
    await page.getByText('Retired: the study ended').waitFor();
    await browser.screenshot('console-project-retired');
    await show('Overview');
    const recent = page.getByRole('region', { name: 'What happened last' });
    for (const act of ['Project proposed', 'Site declined the project', 'Site approved the project', 'Project retired'])
      await recent.getByText(act, { exact: true }).first().waitFor();
  }, 120_000);
});
