import { expect, it } from 'vitest';
import { type Membership, membershipSchema } from '../../../src/contract/federation.ts';
import { doingWords, needsDecision, unreachedWords } from '../../../src/renderer/federation/doing-words.ts';
import { practiceProject } from '../../integration/sync/federation-fixture.ts';

const membership = (changes: object): Membership =>
  membershipSchema.parse({
    federation: 'Chest',
    hubUrl: 'wss://hub.example.org',
    hubFingerprint: 'ab'.repeat(32),
    site: 'Lyon',
    siteFingerprint: 'cd'.repeat(32),
    state: 'online',
    reason: null,
    project: practiceProject(),
    cohort: 'chest',
    trunkVersion: 0,
    trunkCommits: 3,
    activity: 'waiting',
    updates: { accepted: 0, refused: 0, spooled: 0 },
    bytesSent: 0,
    bytesReceived: 0,
    members: [],
    history: [],
    bench: [],
    scoreboard: null,
    ...changes,
  });
const away = { state: 'offline', unreachedSince: '2026-11-29T11:00:00.000Z' };
const updates = { accepted: 0, refused: 0, spooled: 4 };
const gossip = practiceProject({ mode: { kind: 'gossip', neighbours: 2, patienceMs: 300_000 } });

it('while the hub does not answer nobody waits for other sites, and a person reads since when and what goes on', () => {
  expect(doingWords(membership({ ...away, updates }))).toBe(
    'Trained as far as can be without the hub: 4 updates will be sent once it is reached',
  );
  expect(doingWords(membership({ ...away, activity: 'training' }))).toBe('Training on your cohort');
  expect(unreachedWords(membership(away))).toMatch(
    /^The hub has not been reached since 29 Nov 2026, \d\d:00\. The work goes on here/,
  );
  expect(unreachedWords(membership({ ...away, project: gossip, trunkVersion: 1 }))).toContain(
    'The sites that reach each other go on',
  );
  expect(unreachedWords(membership({ ...away, project: gossip }))).not.toContain('go on');
  const certified = membership({
    ...away,
    project: gossip,
    trunkVersion: 1,
    certificateUntil: '2026-12-01T11:00:00.000Z',
  });
  expect(unreachedWords(certified, Date.UTC(2026, 11, 2, 10))).toContain('go on without it');
  expect(unreachedWords(certified, Date.UTC(2026, 11, 2, 12))).toContain('Nothing goes on: the certificate');
  expect(unreachedWords(membership({}))).toBeNull();
});

it('a site that does nothing for a project is not told that work goes on', () => {
  const silent = [
    { cohort: null },
    { role: 'observer' },
    { answer: { answer: 'declined', because: null, isHeard: true } },
  ];
  for (const changes of silent) {
    const words = unreachedWords(membership({ ...away, ...changes }))!;
    expect(words).toContain('not been reached since');
    expect(words).not.toContain('goes on');
  }
  expect(doingWords(membership({ state: 'finished', cohort: null }))).toContain('Finished');
});

it('the other sites are waited for where the hub answers, or is not needed', () => {
  expect(doingWords(membership({}))).toBe('Waiting for the other sites');
  expect(doingWords(membership({ ...away, project: gossip, trunkVersion: 1 }))).toBe('Waiting for the other sites');
  expect(doingWords(membership({ ...away, project: gossip }))).toBe(
    'Waiting for the hub, which has the project’s first weights',
  );
});

it('a site that was dismissed is told that nothing goes on, whatever it did last', () => {
  const refused = membership({ state: 'refused', activity: 'waiting', cohort: null });
  expect(doingWords(refused)).toContain('Nothing is trained or sent any more.');
  expect(needsDecision(refused)).toBe(false);
});

it('a project without an answer, and a probe that found something, need a decision', () => {
  expect(needsDecision(membership({ cohort: null }))).toBe(true);
  expect(needsDecision(membership({ cohort: null, role: 'observer' }))).toBe(false);
  expect(needsDecision(membership({}))).toBe(false);
});
