// Rounds of ten large updates at one hub, through the code that serves hospitals: every update signed, hashed, synced to the disk and
// checked, then committed; and what a heartbeat of another site takes meanwhile.
import { mkdtempSync, rmSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { peakMegabytes, start } from './hub.ts';
import { lessIsBetter, type Measurement, median } from './measurement.ts';

/** A ResNet-18: 46.8 MB. */
const parameters = 11_689_472;
const sites = 10;
const turns = 5;

const roundSchema = z.object({ seconds: z.number(), longestHeartbeatMs: z.number() });

/** @param isQuick a tenth of the bytes: to see that it works, not to quote. */
export async function durableRounds(isQuick: boolean): Promise<Measurement[]> {
  if (process.platform !== 'linux') return [];
  const values = isQuick ? Math.floor(parameters / 10) : parameters;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-round-'));
  const children: ChildProcess[] = [];
  try {
    const { hub, invites, projectHash, act, end } = await start(children, folder, {
      values,
      bufferSize: sites,
      invites: sites + 1,
    });
    const [watching, ...others] = invites;
    await act({ act: 'connect', invites: others });
    await act({ act: 'watch', invite: watching });
    const rounds: z.infer<typeof roundSchema>[] = [];
    // The first one also starts the hub's thread and fills the runtime's caches.
    for (let turn = 0; turn <= turns; turn += 1) {
      const round = roundSchema.parse(await act({ act: 'round', values, projectHash }));
      if (turn > 0) rounds.push(round);
    }
    const measurements = [
      lessIsBetter(
        `a durable round of ${sites} sites × ${((4 * values) / 1e6).toFixed(1)} MB`,
        's',
        median(rounds.map(({ seconds }) => seconds)),
        [],
        `signed, hashed, synced, committed; the sites on the same machine; median of ${turns} after the first`,
      ),
      lessIsBetter('the hub’s peak memory with it', 'MB', peakMegabytes(hub), []),
      lessIsBetter(
        'the longest heartbeat of another site meanwhile',
        'ms',
        median(rounds.map(({ longestHeartbeatMs }) => longestHeartbeatMs)),
        [],
        'of each round; their median',
      ),
    ];
    await end();
    return measurements;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
