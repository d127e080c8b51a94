import { expect, it } from 'vitest';
import { membershipText } from '../../../src/cli/commands/member.ts';
import { membershipSchema } from '../../../src/contract/federation.ts';

const textOf = (changes: object): string =>
  membershipText(
    membershipSchema.parse({
      federation: 'Chest',
      hubUrl: 'wss://hub.example.org',
      hubFingerprint: 'ab'.repeat(32),
      site: 'Lyon',
      siteFingerprint: 'cd'.repeat(32),
      state: 'online',
      reason: null,
      project: null,
      cohort: null,
      trunkVersion: 0,
      trunkCommits: 0,
      activity: 'idle',
      updates: { accepted: 0, refused: 0, spooled: 0 },
      bytesSent: 0,
      bytesReceived: 0,
      members: [],
      history: [],
      bench: [],
      scoreboard: null,
      ...changes,
    }),
  );

it('a membership says until when its certificate is good, where the hub issues them', () => {
  expect(textOf({ certificateUntil: '2026-12-29T11:00:00.000Z' })).toContain(
    'fingerprint abababababababab …; certificate of membership until 2026-12-29\n',
  );
  expect(textOf({})).not.toContain('certificate');
});

it('of whom nobody says that he is online it is said that it is not known', () => {
  const members = [
    { site: 'Lyon', online: false, updates: 3, lastSeen: null },
    { site: 'Oslo', online: true, updates: 2, lastSeen: null },
    { site: 'Quito', online: null, updates: 1, lastSeen: null },
  ];
  expect(textOf({ state: 'offline', reason: 'the hub does not answer', members })).toContain(
    [
      'member  online     updates',
      'Lyon    no               3',
      'Oslo    yes              2',
      'Quito   not known        1',
    ].join('\n'),
  );
});
