import { afterEach, describe, expect, it } from 'vitest';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import { openChannel, type Channel } from '../../../../src/sync/protocol/channel.ts';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { parseInvite } from '../../../../src/sync/protocol/invite-link.ts';
import { fromHubSchema } from '../../../../src/sync/protocol/messages.ts';
import { dial } from '../../../../src/sync/site/dial.ts';
import { openLink } from '../../../../src/sync/site/link.ts';
import { openBench, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess } = processesOf(bench);
afterEach(() => bench.close());

const sites = 200;

describe('fault 13: a hub that restarts under two hundred sites', () => {
  it('has all of them back, none in the same moment as all', async () => {
    const folder = bench.folder();
    const first = await hubProcess({ folder, project: {}, invites: sites });
    const blobs = openBlobFolder(bench.folder());
    const up = new Set<number>();
    const returns: number[] = [];
    let isDown = false;
    const links = first.invites.map((text, index) => {
      const invite = parseInvite(text);
      const keys = createDeviceKeys();
      let isEnrolled = false;
      const connect = async (): Promise<Channel> => {
        const line = await dial({
          url: invite.url,
          hubFingerprint: invite.hubFingerprint,
          keys,
          site: `Site ${index}`,
          inviteCode: isEnrolled ? null : invite.code,
          lastModelSequence: 0,
          address: null,
          agent: null,
        });
        isEnrolled = true;
        return openChannel({
          ...line,
          incoming: fromHubSchema,
          blobs,
          mayReceive: () => {},
          maySend: () => {},
          receive: () => null,
        });
      };
      return openLink({
        connect,
        first: null,
        random: Math.random,
        onUp: () => {
          up.add(index);
          if (isDown) returns.push(performance.now());
        },
        onDown: () => void up.delete(index),
      });
    });
    await until('all are there', () => up.size === sites, 90_000);
    isDown = true;
    first.child.kill('SIGKILL');
    await until('all noticed', () => up.size === 0, 30_000);
    const second = await hubProcess({ folder, port: first.port, project: {} });
    await until('all are back', () => up.size === sites, 120_000);
    const greeted = (): number => second.news.filter(({ kind }) => kind === 'site-online').length;
    await until('the hub told of all', () => greeted() >= sites);
    // Full jitter: not one burst.
    const latest = Math.max(...returns);
    expect(latest - Math.min(...returns)).toBeGreaterThan(100);
    await Promise.all(links.map((link) => link.close()));
    await blobs.close();
  }, 240_000);
});
