import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

describe('news of members', () => {
  it('names all of them once, at the welcome, and afterwards only those that changed', async () => {
    const hub = bench.keep(
      await openHub({
        folder: bench.folder(),
        port: 0,
        project: practiceProject({ rule: { bufferSize: 1 }, commits: 1 }),
        initialWeights: weightsOf(0),
      }),
    );
    const watcher = bench.keep(
      await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Watcher' }),
    );
    const oslo = await bench.site('Oslo', practiceWork({ step: 1 }));
    await oslo.join(await hub.createInvite());
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await hub.createInvite());
    const names = (): string[] => oslo.memberships()[0]!.members.map(({ site }) => site);
    await until('Oslo knows all', () => names().length === 3);
    expect(names().sort()).toEqual(['Lyon', 'Oslo', 'Watcher']);
    // What three sites did within a tenth of a second comes in one message: only what follows is counted.
    const told = (site: string): boolean =>
      watcher.heard.some(
        (news) =>
          news.kind === 'members-updated' && news.changed.some(({ card }) => card.statement.includes(`"${site}"`)),
      );
    await until('the watcher heard of both', () => told('Oslo') && told('Lyon'));
    const heardOfJoining = watcher.heard.length;
    await lyon.leave('ImagiQ');
    await until('Oslo knows that Lyon left', () => names().length === 2);
    await oslo.close();
    await until('the watcher heard that Oslo is away', () =>
      watcher.heard.some(
        (news) => news.kind === 'members-updated' && news.changed.some((member) => !member.online && member.lastSeen),
      ),
    );
    const whole = watcher.heard.filter(({ kind }) => kind === 'members-changed');
    const parts = watcher.heard.slice(heardOfJoining).filter((news) => news.kind === 'members-updated');
    expect(whole).toHaveLength(1);
    expect(parts.every(({ changed }) => changed.length <= 2)).toBe(true);
    // Said when it left, and once more when its connection took longer to end.
    expect(new Set(parts.flatMap(({ gone }) => gone))).toEqual(new Set([lyon.fingerprint]));
  });
});
