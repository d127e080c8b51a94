// Of the faults of federation.md the slow network has no number in the list: 1 Mbit/s in each direction, half a second on the way.
import { afterEach, describe, expect, it } from 'vitest';
import { formatInvite, parseInvite } from '../../../../src/sync/protocol/invite-link.ts';
import { openBench, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';
import { slowLine } from './slow-line.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

describe('a slow network', () => {
  it('of 1 Mbit/s and 500 ms takes its time, and nothing is given up or sent twice', async () => {
    const weights = 100_000;
    // In rounds, or the site would make further updates while the line carries one.
    const project = { rule: { bufferSize: 1, rounds: true }, commits: 2, peerModels: false };
    const hub = await hubProcess({ folder: bench.folder(), project, weights, pingMs: 2_000 });
    const line = bench.keep(await slowLine({ hubPort: hub.port, bytesPerMs: 125, latencyMs: 500 }));
    const invite = formatInvite({ ...parseInvite(hub.invites[0]!), url: `ws://127.0.0.1:${line.port}` });
    const site = siteProcess({ folder: bench.folder(), invite, growth: 0.5 });
    await until('the project is finished', () => site.membership()?.state === 'finished', 120_000);
    // The last trunk is told to all before the answer to the update that made it.
    await until('its last answer is here', () => site.membership()!.updates.spooled === 0, 20_000);
    expect(site.membership()!.updates).toMatchObject({ accepted: 2, refused: 0, spooled: 0 });
    expect(line.connections).toBe(1);
    // Two updates up, three trunks down, and little beside them.
    expect(line.sentBytes).toBeLessThan(1.2 * 2 * 4 * weights);
    expect(line.receivedBytes).toBeLessThan(1.2 * 3 * 4 * weights);
  }, 180_000);
});
