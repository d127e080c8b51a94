import { describe, expect, it } from 'vitest';
import { workTold } from '../../../src/cli/work-told.ts';
import { type Membership, membershipSchema } from '../../../src/contract/federation.ts';
import { practiceProject } from '../../integration/sync/federation-fixture.ts';

const membership = (changes: Partial<Membership>): Membership =>
  membershipSchema.parse({
    federation: 'Chest',
    hubUrl: 'wss://hub.example.org',
    hubFingerprint: 'ab',
    site: 'Lyon',
    siteFingerprint: 'cd',
    state: 'online',
    reason: null,
    project: null,
    cohort: 'chest',
    trunkVersion: 0,
    trunkCommits: 4,
    activity: 'idle',
    updates: { accepted: 0, refused: 0, discarded: 0, spooled: 0 },
    bytesSent: 0,
    bytesReceived: 0,
    members: [],
    history: [],
    bench: [],
    scoreboard: null,
    ...changes,
  });

describe('a site that works while a command waits', () => {
  it('tells each step once, and when the hub is away and there again', () => {
    const toldOf = workTold();
    const updates = { accepted: 1, refused: 0, discarded: 0, spooled: 0 };
    const steps: Partial<Membership>[] = [
      { activity: 'probing' },
      { activity: 'probing' },
      { activity: 'training' },
      { activity: 'waiting', updates },
      { activity: 'waiting', updates, state: 'offline', reason: 'The hub does not answer.' },
      { activity: 'waiting', updates },
      { activity: 'training', updates, trunkVersion: 1 },
    ];
    expect(steps.flatMap((step) => toldOf(membership(step)))).toEqual([
      'Chest: leak probe: trying to reconstruct images from an update',
      'Chest: training update 1 from trunk 0',
      'Chest: update 1 sent and accepted',
      'Chest: waiting for the others',
      'Chest: connection to the hub lost; trying again',
      'Chest: The hub does not answer.',
      'Chest: connected to the hub',
      'Chest: trunk 1 of 4 committed',
      'Chest: training update 2 from trunk 1',
    ]);
  });

  it('says why the work failed and how often, and not again and again what it begins', () => {
    const toldOf = workTold();
    const steps: Partial<Membership>[] = [
      { activity: 'training' },
      { activity: 'waiting', reason: 'The work failed: no memory. It is tried again within 2 s.' },
      { activity: 'training', reason: 'The work failed: no memory. It is tried again within 2 s.' },
      { activity: 'waiting', reason: 'The work failed 2 times in a row: no memory. It is tried again within 4 s.' },
      { activity: 'training', reason: 'The work failed 2 times in a row: no memory. It is tried again within 4 s.' },
      { activity: 'training', trunkVersion: 1 },
    ];
    expect(steps.flatMap((step) => toldOf(membership(step)))).toEqual([
      'Chest: training update 1 from trunk 0',
      'Chest: The work failed: no memory. It is tried again within 2 s.',
      'Chest: The work failed 2 times in a row: no memory. It is tried again within 4 s.',
      'Chest: trunk 1 of 4 committed',
    ]);
  });

  it('says once that too few members take part for a first commit', () => {
    const toldOf = workTold();
    const member = { online: true, updates: 0, lastSeen: null };
    const alone = {
      project: { ...practiceProject(), sitesToStart: 2 },
      members: [
        { ...member, site: 'Lyon', takesPart: true },
        { ...member, site: 'Oslo', takesPart: false },
      ],
    };
    const told = [alone, alone].flatMap((step) => toldOf(membership(step)));
    expect(told).toEqual([expect.stringContaining('Chest: It needs 2 sites, and one member takes part')]);
  });

  it('tells a hub whose trunk is older than it was as restored, and its next commit as one', () => {
    const toldOf = workTold();
    // The new connection begins without a trunk.
    const versions = [6, 0, 3, 4];
    expect(versions.flatMap((trunkVersion) => toldOf(membership({ trunkVersion })))).toEqual([
      'Chest: the hub has trunk 3 again, where it had 6: it was restored from a backup; the work goes on from there',
      'Chest: trunk 4 of 4 committed',
    ]);
    expect(toldOf(membership({ trunkVersion: 2 }))).toEqual([
      'Chest: the hub has trunk 2 again, where it had 4: it was restored from a backup; the work goes on from there',
    ]);
  });

  it('says once that the project was declined here, and not that others are waited for', () => {
    const toldOf = workTold();
    const declined = {
      project: practiceProject(),
      projectHash: 'ab',
      cohort: null,
      answer: { answer: 'declined', because: null, isHeard: true },
    } as const;
    const steps: Partial<Membership>[] = [
      { ...declined, activity: 'waiting' },
      { ...declined, activity: 'idle' },
    ];
    expect(steps.flatMap((step) => toldOf(membership(step)))).toEqual([
      expect.stringContaining(`Chest: you declined “${practiceProject().title}”`),
    ]);
  });

  it('says once that the certificate of membership ran out, which peers ask while the hub is away', () => {
    let now = Date.UTC(2026, 11, 2, 10);
    const toldOf = workTold(() => now);
    const away = { state: 'offline', certificateUntil: '2026-12-01T11:00:00.000Z' } as const;
    expect(toldOf(membership(away))).toEqual([]);
    now = Date.UTC(2026, 11, 2, 12);
    expect([...toldOf(membership(away)), ...toldOf(membership(away))]).toEqual([
      'Chest: the certificate of membership was good until 2026-12-01: there are no direct lines to peers before the hub is back and renews it',
    ]);
  });

  it('says that a project waits for an answer, once, instead of waiting for the others', () => {
    const toldOf = workTold();
    const project = practiceProject();
    const proposed = { project, projectHash: 'ab', cohort: null, activity: 'waiting' } as const;
    const steps = [proposed, proposed, { ...proposed, cohort: 'chest' }, { ...proposed, projectHash: 'cd' }];
    const asked = `Chest: “${project.title}” waits for your answer: imagiq project approve --cohort NAME, or project decline`;
    expect(steps.flatMap((step) => toldOf(membership(step)))).toEqual([asked, asked]);
  });

  it('in a mode without a trunk tells turns, also while the hub is away', () => {
    const toldOf = workTold();
    const project = practiceProject({ mode: { kind: 'gossip', neighbours: 2, patienceMs: 300_000 } });
    const steps: Partial<Membership>[] = [
      { activity: 'training' },
      { activity: 'waiting', trunkVersion: 1, state: 'offline' },
      { activity: 'training', trunkVersion: 1, state: 'offline' },
    ];
    expect(steps.flatMap((step) => toldOf(membership({ project, ...step })))).toEqual([
      'Chest: training turn 1',
      'Chest: connection to the hub lost; trying again',
      'Chest: turn 1 of 4',
      'Chest: waiting for the others',
      'Chest: training turn 2',
    ]);
  });
});
