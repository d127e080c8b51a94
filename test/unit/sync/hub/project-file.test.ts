// The project's file that docs/hub.md shows is one, and the fields that it says must be there are those that must.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectNetworks } from '../../../../src/cli/project-networks.ts';
import { projectSchema } from '../../../../src/contract/federation.ts';
import { readProjectDraft } from '../../../../src/sync/hub/project-draft.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/hub.md'), 'utf8');
const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)![1]!) as Record<string, unknown>;
/** The first cells of the table's rows: fields, and whether they must be there. */
const rows = [...page.matchAll(/^\| (`[`\w, ]+`) \| (yes)? ?\| /gm)].map(([, cell, needed]) => ({
  fields: [...cell!.matchAll(/\w+/g)].map(([field]) => field),
  isNeeded: needed !== undefined,
}));
const problemsOf = (draft: object): string[] =>
  readProjectDraft(draft, projectNetworks).problems.map(({ field, message }) => `${field} ${message}`);

test('the file that is shown can be used', () => {
  expect(problemsOf(example)).toEqual([]);
});

test('a bundled network with a privacy promise is its twin with group norm; one of batch norm that is written out is refused', () => {
  const privacy = { noiseMultiplier: 1, clipNorm: 1, delta: 1e-3, maxEpsilon: 6 };
  const hyperParameters = { ...(example['hyperParameters'] as object), privacy };
  const named = readProjectDraft({ ...example, network: 'resnet18', hyperParameters }, projectNetworks);
  expect(named.problems).toEqual([]);
  expect(named.project?.network.name).toBe('resnet18-group-norm');
  expect(named.project?.network.layers.map(({ op }) => op)).not.toContain('batch-norm');
  const plain = readProjectDraft({ ...example, network: 'resnet18' }, projectNetworks).project?.network;
  expect(problemsOf({ ...example, network: plain, hyperParameters })).toEqual([
    expect.stringMatching(/^network layer .* of resnet18 is a batch norm/),
  ]);
});

test('of several things that do not go together each is named beside its field', () => {
  const hyperParameters = {
    ...(example['hyperParameters'] as object),
    optimiser: 'adam',
    privacy: { noiseMultiplier: 1, clipNorm: 1, delta: 1e-3, maxEpsilon: 6 },
  };
  const masked = {
    ...example,
    trunkRule: { bufferSize: 5, combination: { kind: 'median' }, staleness: { kind: 'constant' } },
    secureAggregation: { threshold: 4 },
    updateCodec: 'float16',
  };
  const fieldsOf = (draft: object): string[] =>
    readProjectDraft(draft, projectNetworks).problems.map(({ field }) => field);
  expect(fieldsOf(masked)).toEqual(['trunkRule.combination', 'updateCodec']);
  const variates = { ...example, trunkRule: { bufferSize: 5, clipNorm: 1 }, controlVariates: true, hyperParameters };
  expect(problemsOf(variates)).toEqual([
    expect.stringContaining('adam'),
    expect.stringContaining('hyperParameters.privacy'),
    expect.stringContaining('trunkRule.clipNorm'),
  ]);
});

test('of the fields that are marked none may be left out', () => {
  const marked = rows.filter(({ isNeeded }) => isNeeded).flatMap(({ fields }) => fields);
  expect(marked).toEqual(Object.keys(example));
  for (const field of Object.keys(example)) {
    const { [field]: _left, ...rest } = example;
    expect(problemsOf(rest)).toEqual([`${field} is missing`]);
  }
  expect(problemsOf({ ...example, trunkRule: {} })).toEqual(['trunkRule.bufferSize is missing']);
});

test('every field of a project is told of', () => {
  const told = new Set(rows.flatMap(({ fields }) => fields));
  expect(Object.keys(projectSchema.shape).filter((field) => !told.has(field))).toEqual([]);
});
