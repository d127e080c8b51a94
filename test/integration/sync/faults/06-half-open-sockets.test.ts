import { afterEach, describe, expect, it } from 'vitest';
import { openBench, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

describe.skipIf(process.platform === 'win32')('fault 6: a peer that is there and says nothing', () => {
  it('a stopped site is taken for offline, and goes on where it was when it wakes up', async () => {
    const hub = await hubProcess({
      folder: bench.folder(),
      project: { rule: { bufferSize: 1 }, commits: 6 },
      pingMs: 200,
    });
    const site = siteProcess({ folder: bench.folder(), invite: hub.invites[0]!, secondsPerUpdate: 0.3 });
    await until('it sent something', () => (site.membership()?.updates.accepted ?? 0) > 0);
    site.child.kill('SIGSTOP');
    await until('the hub notices', () => hub.news.at(-1)?.kind === 'site-offline');
    site.child.kill('SIGCONT');
    await until('the project is finished', () => site.membership()?.state === 'finished');
    expect(site.membership()).toMatchObject({ trunkVersion: 6, updates: { accepted: 6, refused: 0 } });
  }, 60_000);

  it('a stopped hub is waited for, and counts what the site made meanwhile once', async () => {
    const hub = await hubProcess({ folder: bench.folder(), project: { rule: { bufferSize: 1 }, commits: 6 } });
    const site = siteProcess({ folder: bench.folder(), invite: hub.invites[0]!, secondsPerUpdate: 0.2 });
    await until('it sent something', () => (site.membership()?.updates.accepted ?? 0) > 0);
    hub.child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    hub.child.kill('SIGCONT');
    await until('the project is finished', () => site.membership()?.state === 'finished');
    expect(hub.news.filter((news) => news.kind === 'update-accepted' && !news.isDuplicate)).toHaveLength(6);
  }, 60_000);
});
