import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { afterEach, describe, expect, it } from 'vitest';
import { wireLimits, wireVersion } from '../../../../src/sync/protocol/limits.ts';
import { openBench, until } from '../federation-fixture.ts';
import { rawSite } from '../raw-site.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess } = processesOf(bench);
afterEach(() => bench.close());

const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;

describe('fault 5: whoever reads or speaks slowly', () => {
  it.skipIf(process.platform !== 'linux')(
    'a reader that does not read makes the hub hold a window of each transfer, not the blobs',
    async () => {
      // 4 MiB × 4 transfers × 10 readers would be 160 MiB; windows of 2 MiB that nobody acknowledges are half of it at most.
      const values = 1_048_576;
      const hub = await hubProcess({ folder: bench.folder(), project: {}, weights: values, invites: 10 });
      const pid = hub.child.pid!;
      const blobs = async (site: Awaited<ReturnType<typeof rawSite>>): Promise<string> => {
        const announced = await until('the project', () =>
          site.heard.find((message) => message.kind === 'project-announced'),
        );
        return (JSON.parse(announced.trunk!.statement) as { blob: string }).blob;
      };
      const sites = await Promise.all(
        hub.invites.map((invite, index) => rawSite({ invite, folder: bench.folder(), name: `Site ${index}` })),
      );
      const blob = await blobs(sites[0]!);
      const before = residentMegabytes(pid);
      for (const site of sites) {
        for (let transfer = 0; transfer < wireLimits.transfers; transfer += 1) {
          site.channel.send({
            kind: 'get-begin',
            id: 100 + transfer,
            hash: blob,
            offset: 0,
            transfer: String(transfer).repeat(32),
          });
        }
        site.line.socket.pause();
      }
      // Others are served meanwhile.
      const other = bench.keep(await rawSite({ invite: await hub.newInvite(), folder: bench.folder(), name: 'Oslo' }));
      const statement = JSON.parse(
        (await until('the project', () => other.heard.find((message) => message.kind === 'project-announced'))).trunk!
          .statement,
      ) as { blob: string; bytes: number };
      await other.channel.getBlob(statement.blob, statement.bytes);
      expect(residentMegabytes(pid) - before).toBeLessThan(120);
      for (const site of sites) {
        site.line.socket.terminate();
        await site.blobs.close();
      }
    },
    60_000,
  );

  it('strangers that say nothing are sent away after the handshake’s time, and members get in meanwhile', async () => {
    const hub = await hubProcess({ folder: bench.folder(), project: {} });
    const silent = Array.from({ length: 60 }, () => new WebSocket(`ws://127.0.0.1:${hub.port}`, wireVersion));
    const halfUpgraded = Array.from({ length: 60 }, () => connect(hub.port, '127.0.0.1', () => {}));
    for (const socket of halfUpgraded) {
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgr');
    }
    const closed = silent.map((socket) => new Promise<number>((resolve) => socket.once('close', resolve)));
    bench.keep(await rawSite({ invite: hub.invites[0]!, folder: bench.folder(), name: 'Lyon' }));
    expect(new Set(await Promise.all(closed))).toEqual(new Set([4001]));
    for (const socket of halfUpgraded) socket.destroy();
  }, 60_000);
});
