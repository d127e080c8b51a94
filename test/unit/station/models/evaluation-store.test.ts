import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ModelEvaluation, modelEvaluationSchema } from '../../../../src/contract/model-evaluation.ts';
import { evaluationText } from '../../../../src/station/models/evaluation-file.ts';
import { mostPerModel, openEvaluationStore } from '../../../../src/station/models/evaluation-store.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-evaluations-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const first = '0123456789abcdef';
const second = 'fedcba9876543210';

function evaluation(model: string, cohort = 'chest'): Omit<ModelEvaluation, 'id'> {
  const figures = { accuracy: { value: 0.9, low: 0.8, high: 1 }, auc: null, dice: null };
  const perClass = ['=normal', 'nodule, large'].map((name) => ({
    name,
    examples: 5,
    sensitivity: 0.5,
    specificity: null,
    auc: null,
    atThreshold: { threshold: 0.25, sensitivity: { value: 1, low: 0.5, high: Number.MAX_VALUE }, specificity: null },
  }));
  const { id: _id, ...parsed } = modelEvaluationSchema.parse({
    id: 1,
    model,
    cohort,
    cohortHash: 'aabb',
    split: 'test',
    measuredAt: '2026-11-28T20:00:00.000Z',
    sensitivity: null,
    task: 'classification',
    examples: 10,
    patients: 4,
    ...figures,
    operatingPoint: null,
    report: {
      metrics: {
        examples: 10,
        patients: 4,
        loss: 0.3,
        balancedAccuracy: 0.75,
        calibrationError: 0.1,
        ...figures,
        perClass,
        confusion: [
          [4, 1],
          [0, 5],
        ],
      },
      curves: [],
      reliability: [],
      groups: [],
    },
  });
  return parsed;
}

test('evaluations outlive the station, newest first, and go with their model', () => {
  let store = openEvaluationStore(folder);
  const kept = store.add(evaluation(first));
  store.add(evaluation(second));
  store.add(evaluation(first, 'heads'));
  store.close();
  store = openEvaluationStore(folder);
  expect(store.list(first).map(({ cohort }) => cohort)).toEqual(['heads', 'chest']);
  expect(store.list(null)).toHaveLength(3);
  expect(store.get(kept.id)).toEqual(kept);
  store.forget(first);
  expect(store.list(null).map(({ model }) => model)).toEqual([second]);
  expect(() => store.get(kept.id)).toThrow(`There is no evaluation ${kept.id}`);
  store.close();
});

test('of one model only the newest are kept', () => {
  const store = openEvaluationStore(folder);
  store.add(evaluation(second));
  for (let count = 0; count < mostPerModel + 2; count += 1) store.add(evaluation(first));
  expect(store.list(first)).toHaveLength(mostPerModel);
  expect(store.list(second)).toHaveLength(1);
  store.close();
});

test('a CSV has a row for each figure, and no cell that a spreadsheet would compute', () => {
  const lines = evaluationText({ ...evaluation(first), id: 1 }, 'csv').split('\r\n');
  const begin = `${first},chest,aabb,test,2026-11-28T20:00:00.000Z`;
  expect(lines).toContain(`${begin},all,,accuracy,0.9,0.8,1`);
  expect(lines).toContain(`${begin},class,'=normal,sensitivity,0.5,,`);
  expect(lines).toContain(`${begin},class,"nodule, large",sensitivityAtThreshold,1,0.5,`);
  expect(lines).toContain(`${begin},confusion,'=normal,"predicted nodule, large",1,,`);
  expect(lines.some((line) => line.includes(',auc,'))).toBe(false);
});

test('a JSON file is the evaluation itself', () => {
  const kept = { ...evaluation(first), id: 7 };
  expect(modelEvaluationSchema.parse(JSON.parse(evaluationText(kept, 'json')))).toEqual(kept);
});
