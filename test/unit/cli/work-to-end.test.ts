import { expect, test } from 'vitest';
import { type Membership, membershipSchema } from '../../../src/contract/federation.ts';
import type { StationLink } from '../../../src/cli/station-link.ts';
import type { Output } from '../../../src/cli/output.ts';
import { workToEnd } from '../../../src/cli/work-to-end.ts';

const finished = (undelivered: readonly string[]): Membership =>
  membershipSchema.parse({
    federation: 'Chest',
    hubUrl: 'ws://127.0.0.1:1',
    hubFingerprint: '1'.repeat(64),
    site: 'Lyon',
    siteFingerprint: '2'.repeat(64),
    state: 'finished',
    reason: null,
    project: null,
    projectHash: null,
    cohort: 'chest',
    trunkVersion: 3,
    trunkCommits: 3,
    activity: 'idle',
    updates: { accepted: 0, refused: 0, spooled: 0 },
    bytesSent: 0,
    bytesReceived: 0,
    members: [],
    history: [],
    bench: [],
    scoreboard: null,
    undelivered,
  });

/** A station whose membership is the next one each time that somebody asks; news of it follows at once. */
function working(memberships: Membership[]): { station: StationLink; output: Output; log: string[] } {
  const log: string[] = [];
  let tell = (_membership: Membership): void => {};
  const station = {
    call: async () => {
      const [now] = memberships.length > 1 ? memberships.splice(0, 1) : memberships;
      setImmediate(() => tell(memberships[0]!));
      return { memberships: [now] };
    },
    listen: (_event: string, listener: (membership: Membership) => void) => {
      tell = listener;
      return () => {};
    },
  } as unknown as StationLink;
  const output: Output = {
    isJson: false,
    isTerminal: false,
    result: () => {},
    document: () => {},
    log: (line) => void log.push(line),
    progress: () => {},
  };
  return { station, output, log };
}

test('a site that is done stays until its peers have fetched what it made last, and says so', async () => {
  const { station, output, log } = working([
    finished(['Oslo', 'Quito']),
    { ...finished(['Oslo', 'Quito']), state: 'online' },
    finished(['Oslo', 'Quito']),
    finished(['Quito']),
    finished([]),
  ]);
  const [ended] = await workToEnd(station, ['Chest'], output, { stayMinutes: 10 });
  expect(ended!.undelivered).toEqual([]);
  expect(log).toEqual([
    'Chest: finished here. It stays reachable until Oslo, Quito have fetched the last model, 10 minutes at most (--stay-minutes; Ctrl+C ends it).',
    'All peers have the model.',
  ]);
});

test('after the time it ends all the same, and names who has not got it', async () => {
  const { station, output, log } = working([finished(['Oslo'])]);
  await workToEnd(station, ['Chest'], output, { stayMinutes: 0 });
  expect(log).toEqual([expect.stringContaining('Chest: Oslo has not fetched the last model.')]);
});

test('where everyone has everything nothing is waited for', async () => {
  const { station, output, log } = working([finished([])]);
  await workToEnd(station, ['Chest'], output, { stayMinutes: 10 });
  expect(log).toEqual([]);
});

test('a project that ended before the site took part is not waited for', async () => {
  const missed = { ...finished([]), state: 'online', isProjectFinished: true, cohort: null } as const;
  const { station, output } = working([missed]);
  expect(await workToEnd(station, ['Chest'], output, { stayMinutes: 10 })).toEqual([missed]);
}, 20_000);
