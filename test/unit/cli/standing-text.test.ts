import { describe, expect, it } from 'vitest';
import { standingText } from '../../../src/cli/commands/project.ts';
import type { Project } from '../../../src/contract/federation.ts';
import type { ProjectStanding } from '../../../src/sync/hub/project-standing.ts';
import { practiceProject } from '../../integration/sync/federation-fixture.ts';

const textOf = (
  project: Project,
  leftOut: ProjectStanding['leftOut'] = [],
  changes: Partial<ProjectStanding> = {},
): string[] =>
  standingText({
    federation: 'Chest',
    project,
    projectHash: 'ab'.repeat(32),
    trunkVersion: 1,
    trunk: 'cd'.repeat(32),
    committedAt: '2026-01-01T00:00:00.000Z',
    isFinished: false,
    retiredBecause: null,
    bufferedUpdates: 1,
    awaited: null,
    answers: [],
    leftOut,
    through: ['Lyon'],
    unanswered: [],
    ...changes,
  }).split('\n');

describe('where a project stands', () => {
  it('tells how updates become the trunk in sentences', () => {
    const lines = textOf(practiceProject({ rule: { bufferSize: 3, clipNorm: 2 } }));
    expect(lines).toContain('Trunk 1 of 3; 1 update waits');
    expect(lines).toContain(
      'At a site: 10 epochs here between two updates · trunk moves after every 3 updates · ends after 3 commits',
    );
    expect(lines).toContain(
      '- An update longer than 2 is scaled down to that length, so that no site can pull further.',
    );
    expect(lines.join('\n')).not.toMatch(/[{}"]/);
  });

  it('says that a first commit cannot come where too many declined', () => {
    const answer = { because: null, answeredAt: '2026-01-01T00:00:00.000Z' };
    const answers = [
      { ...answer, site: 'Lyon', answer: 'approved' as const },
      { ...answer, site: 'Oslo', answer: 'declined' as const },
    ];
    const awaited = { needed: 2, delivered: 1 };
    const told = (unanswered: string[]): string =>
      textOf(practiceProject(), [], { trunkVersion: 0, awaited, answers, unanswered }).join('\n');
    expect(told([])).toContain('It needs 2 sites, and one member takes part');
    expect(told(['Quito'])).not.toContain('takes part');
  });

  it('tells of a mode without a trunk how the model goes from site to site', () => {
    const project = practiceProject({ mode: { kind: 'cyclic', patienceMs: 5_000 } });
    expect(textOf(project)).toContain('- Where a site is away, the next one steps in after 5 s.');
    expect(textOf(project).join('\n')).not.toContain('averaged');
    expect(textOf(project)).toContain('3 turns, which the sites make among themselves; through: Lyon');
    expect(textOf(project).join('\n')).not.toMatch(/Trunk|update/);
  });

  it('tells the masks and their threshold, how updates travel, whether models are shared, and local epochs', () => {
    const project = practiceProject({ rule: { bufferSize: 3 } });
    const text = textOf({
      ...project,
      hyperParameters: { ...project.hyperParameters, epochs: 4 },
      updateCodec: 'int8',
      updateCompression: 'zstd',
      secureAggregation: { threshold: 3, stepMs: 60_000 },
    }).join('\n');
    expect(text).toContain('4 epochs here between two updates');
    expect(text).toContain('whole numbers of 8 bits, packed with zstd');
    expect(text).toContain('the sum of at least 3 sites only');
    expect(text).toContain('trained on your images alone');
    expect(textOf({ ...project, peerModels: false }).join('\n')).not.toContain('trained on your images alone');
  });

  it('tells whose updates the rule left out', () => {
    expect(textOf(practiceProject(), [{ site: 'Oslo', updates: 9, leftOut: 7 }])).toContain(
      'Of Oslo the rule left out 7 of 9 committed updates',
    );
  });
});
