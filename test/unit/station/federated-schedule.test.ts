import { describe, expect, test } from 'vitest';
import { practiceProject } from '../../../src/station/practice/practice-project.ts';
import { localHyperParameters } from '../../../src/station/federated-schedule.ts';

const project = practiceProject({ commits: 40 });
const rateAt = (version: number): number => localHyperParameters(project, version).learningRate;

describe('the learning rate over a federated project', () => {
  test('starts at the full rate, is half of it half way, and never reaches zero', () => {
    const { learningRate } = project.hyperParameters;
    expect(rateAt(0)).toBe(learningRate);
    expect(rateAt(20)).toBeCloseTo(learningRate / 2, 10);
    expect(rateAt(40)).toBeGreaterThan(0);
    expect(rateAt(400)).toBe(rateAt(40));
  });

  test('stays constant within one local training', () => {
    expect(localHyperParameters(project, 7).schedule).toBe('constant');
  });

  test('a project that asks for a constant rate gets it', () => {
    const constant = { ...project, hyperParameters: { ...project.hyperParameters, schedule: 'constant' as const } };
    expect(localHyperParameters(constant, 39)).toEqual(constant.hyperParameters);
  });
});
