import { describe, expect, it } from 'vitest';
import { membershipText } from '../../../src/cli/membership-text.ts';
import { practiceProject } from '../../integration/sync/federation-fixture.ts';
import { settledMemberships } from '../../../src/cli/settled-memberships.ts';
import { type Membership, membershipSchema } from '../../../src/contract/federation.ts';

const membership = (changes: object): Membership =>
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
  });
const textOf = (changes: object): string => membershipText(membership(changes));

it('a membership says until when its certificate is good, where the hub issues them', () => {
  expect(textOf({ certificateUntil: '2026-12-29T11:00:00.000Z' })).toContain(
    'fingerprint abababababababab …; certificate of membership until 2026-12-29\n',
  );
  expect(textOf({})).not.toContain('certificate');
});

it('a project that waits for an answer is told with classes, network, rule and what leaves; not again once it is answered', () => {
  const project = practiceProject();
  const proposed = textOf({ project });
  for (const words of [
    `Classes ${project.classes.join(', ')}`,
    project.network.name,
    'Leaves a site:',
    'sealed, to every member',
  ])
    expect(proposed).toContain(words);
  const answer = { answer: 'declined', because: null, isHeard: true };
  for (const answered of [textOf({ project, answer }), textOf({ project, cohort: 'chest' })])
    expect(answered).not.toContain('Leaves a site:');
});

it('a project that ended before the site took part is called finished, and not proposed', () => {
  const text = textOf({ project: practiceProject(), isProjectFinished: true });
  expect(text).toContain('finished before this site took part');
  expect(text).not.toMatch(/proposed|Leaves a site/);
  expect(textOf({ project: practiceProject(), isProjectFinished: true, cohort: 'chest' })).toContain('approved');
});

it('what the leak probe found is said once', () => {
  const leakProbe = {
    isRecognised: false,
    failure: null,
    sentence: 'No image could be recognised from the gradient of 16 images.',
    similarity: 0.03,
    images: 16,
    at: '2026-11-29T11:00:00.000Z',
    isHeld: false,
    isAccepted: false,
  };
  const text = textOf({ project: practiceProject(), cohort: 'chest', leakProbe });
  expect(text.match(/no image could be recognised/gi)).toHaveLength(1);
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

it('in a mode without a trunk turns are counted, and no updates', () => {
  const project = practiceProject({ mode: { kind: 'gossip', neighbours: 2, patienceMs: 300_000 }, sitesToStart: 2 });
  const members = [{ site: 'Lyon', online: true, updates: 0, lastSeen: null }];
  const text = textOf({ project, cohort: 'chest', trunkCommits: 30, trunkVersion: 0, activity: 'waiting', members });
  expect(text).toContain('turn 0 of 30 (gossip)');
  expect(text).not.toMatch(/trunk version|accepted|updates|waiting for 2 sites/);
});

it('of a new project no site has an update, however many it sent to the one before', () => {
  const members = ['Lyon', 'Oslo'].map((site) => ({ site, online: true, updates: 4, lastSeen: null }));
  const awaiting = (changes: object): string =>
    textOf({ project: practiceProject({ sitesToStart: 3 }), cohort: 'chest', members, ...changes });
  expect(awaiting({})).toContain('waiting for 3 sites\n');
  expect(awaiting({ trunkVersion: 1 })).not.toContain('waiting for');
});

it('a first commit that too few members may deliver to is told as that, with who takes no part', () => {
  const member = { online: true, updates: 0, lastSeen: null };
  const members = [
    { ...member, site: 'Lyon', takesPart: true },
    { ...member, site: 'Oslo', takesPart: false },
  ];
  const text = textOf({ project: practiceProject({ sitesToStart: 2 }), cohort: 'chest', members });
  expect(text).toContain('It needs 2 sites, and one member takes part');
  expect(text).toMatch(/Oslo +yes +0, takes no part/);
});

describe('a command that only looks', () => {
  const lyon = { site: 'Lyon', updates: 0, lastSeen: null };
  const told = { state: 'online', members: [{ ...lyon, online: true }] };
  const untold = { state: 'online', members: [{ ...lyon, online: null }] };
  /** What a station answers, one after the other; the last again and again. */
  const answering = (...states: object[]) => {
    let asked = 0;
    return async () => ({ memberships: [membership(states[Math.min(asked++, states.length - 1)]!)] });
  };

  it('waits until the hub has said who is online', async () => {
    expect(
      await settledMemberships(answering({ state: 'connecting' }, { state: 'online', members: [] }, untold, told)),
    ).toMatchObject([told]);
  });

  it.each(['offline', 'refused', 'left'])('does not wait for a hub from which it is %s', async (state) => {
    expect(await settledMemberships(answering({ ...untold, state }, told))).toMatchObject([{ state }]);
  });

  it('shows what it knows of a hub that says nothing', async () => {
    expect(await settledMemberships(answering(untold), 120)).toMatchObject([untold]);
  });
});
