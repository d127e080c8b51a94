import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runProcesses } from '../../../../src/sync/simulation/run-processes.ts';
import { runScenario, synchronousTwin } from '../../../../src/sync/simulation/run-scenario.ts';
import { type Scenario, scenarioSchema } from '../../../../src/sync/simulation/scenario.ts';

const scenario = (given: object): Scenario => scenarioSchema.parse({ sites: 5, ...given });
const storm = {
  training: { kind: 'logistic', secondsPerUpdate: 60, speedSpread: 5 },
  network: { latencyMs: 80, megabitsPerSecond: 1, cutsPerHour: 60 },
  churn: { vanishShare: 0.2, vanishAtSeconds: 200, awayPerHour: 4 },
  hub: { killAtSeconds: [100, 300], downSeconds: 30 },
  project: { commits: 12 },
};

describe('a scenario on the virtual clock', () => {
  it('plays the same federation for the same seed, to the last byte and second, and another for another', async () => {
    const first = await runScenario(scenario(storm));
    expect(JSON.stringify(await runScenario(scenario(storm)))).toBe(JSON.stringify(first));
    const other = await runScenario(scenario({ ...storm, seed: 2 }));
    expect(JSON.stringify(other.curve)).not.toBe(JSON.stringify(first.curve));
  }, 120_000);

  it('loses no update and counts none twice while lines break, sites vanish and the hub dies', async () => {
    const outcome = await runScenario(scenario(storm));
    expect(outcome).toMatchObject({ isFinished: true, hubDeaths: 2, vanished: 1, commits: 12 });
    expect(outcome.linesCut).toBeGreaterThan(0);
    expect(outcome.updates).toMatchObject({ lost: 0, duplicated: 0 });
    expect(outcome.updates.accepted).toBeGreaterThanOrEqual(24);
    expect(outcome.curve.at(-1)!.score).toBeGreaterThan(outcome.curve[0]!.score);
  }, 120_000);

  it('takes an hour of training and the transfer of its bytes as long as they take', async () => {
    const slow = { secondsPerUpdate: 3_600, jitter: 0 };
    const outcome = await runScenario(
      scenario({
        sites: 2,
        training: { kind: 'logistic', ...slow },
        network: { latencyMs: 0, megabitsPerSecond: 0.002 },
        project: { commits: 1 },
      }),
    );
    // 2 kbit/s: each site exchanges some kilobytes, at 4 s a kilobyte. A slower line cannot say hello within the ten seconds that it has.
    const kilobytes = (outcome.sites[0]!.bytesSent + outcome.sites[0]!.bytesReceived) / 1_000;
    expect(outcome.seconds).toBeGreaterThan(3_600 + 1.5 * kilobytes);
    expect(outcome.seconds).toBeLessThan(3_600 + 20 * kilobytes);
  }, 60_000);

  it('says in a sentence why it cannot be played, and keeps the trace for whoever looks into it', async () => {
    const fullDisk = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';
      fs.mkdtempSync = (path) => { throw Object.assign(new Error('no space: ' + path), { code: 'ENOSPC', path }) };
      syncBuiltinESMExports();`;
    vi.stubEnv('NODE_OPTIONS', `--import data:text/javascript,${encodeURIComponent(fullDisk)}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const failed = await runScenario(scenario({})).catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ code: 571, cause: expect.stringContaining('    at ') });
    expect((failed as Error).message).toBe('The simulation did not come to an end: the disk is full.');
  }, 60_000);

  it('replays measured training times', async () => {
    const outcome = await runScenario(
      scenario({
        sites: 2,
        training: { kind: 'replayed', secondsOfUpdates: [[10, 20], [1_000]] },
        project: { trunkRule: { bufferSize: 1 }, commits: 3 },
      }),
    );
    const [first, second, third] = outcome.curve.map(({ seconds }) => seconds);
    expect(second! - first!).toBeCloseTo(20, -1);
    expect(third! - second!).toBeCloseTo(10, -1);
  }, 60_000);

  it('in rounds makes one update of each site from each trunk, at the slowest site’s pace', async () => {
    const outcome = await runScenario(
      synchronousTwin(
        scenario({ training: { kind: 'logistic', secondsPerUpdate: 10, speedSpread: 10 }, project: { commits: 3 } }),
      ),
    );
    expect(outcome.curve.map(({ updates }) => updates)).toEqual([5, 5, 5]);
    expect(outcome.sites.every(({ accepted }) => accepted === 3)).toBe(true);
    expect(outcome.seconds).toBeGreaterThan(3 * 90);
  }, 60_000);

  it('is one of the examples, which are all valid', () => {
    const folder = path.resolve('resources/scenarios');
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      expect(scenarioSchema.safeParse(JSON.parse(readFileSync(path.join(folder, name), 'utf8'))).error).toBeUndefined();
    }
  });

  it('with a word that is none, or too many sites, is refused', () => {
    expect(scenarioSchema.safeParse({ sites: 4, latency: 3 }).success).toBe(false);
    expect(scenarioSchema.safeParse({ sites: 1_001 }).success).toBe(false);
  });
});

describe('a scenario with real processes', () => {
  it('kills the hub and a site, loses nothing and counts nothing twice', async () => {
    const outcome = await runProcesses(
      scenario({
        sites: 3,
        training: { kind: 'logistic', secondsPerUpdate: 0.3, speedSpread: 2 },
        churn: { vanishShare: 0.34, vanishAtSeconds: 6 },
        hub: { killAtSeconds: [4], downSeconds: 0.5 },
        project: { trunkRule: { bufferSize: 2 }, commits: 20 },
        untilSeconds: 90,
      }),
    );
    expect(outcome).toMatchObject({ isFinished: true, hubDeaths: 1, vanished: 1 });
    expect(outcome.updates).toMatchObject({ lost: 0, duplicated: 0 });
    expect(outcome.updates.accepted).toBeGreaterThanOrEqual(40);
  }, 120_000);

  it('refuses more sites than a machine can hold', async () => {
    await expect(runProcesses(scenario({ sites: 33 }))).rejects.toMatchObject({ code: 572 });
  });
});
