import { describe, expect, it, test } from 'vitest';
import { projectSchema } from '../../../src/contract/federation.ts';
import { promiseText, trainingWords } from '../../../src/contract/training-words.ts';
import { practiceProject } from '../../integration/sync/federation-fixture.ts';

describe('how is trained here, in words', () => {
  const words = (fields: object, hyperParameters: object = {}): string => {
    const project = practiceProject({});
    return trainingWords(
      projectSchema.parse({
        ...project,
        ...fields,
        hyperParameters: { ...project.hyperParameters, proximalStrength: 0, privacy: null, ...hyperParameters },
      }),
    ).join('\n');
  };

  it('names optimiser, learning rate and batch', () => {
    expect(words({}, { optimiser: 'adam', learningRate: 0.001, schedule: 'cosine', batchSize: 16 })).toBe(
      'Trains by Adam in batches of 16 images; the learning rate is 0.001 and falls along a cosine until the project ends.',
    );
    expect(words({}, { optimiser: 'sgd', momentum: 0, learningRate: 0.1, schedule: 'constant', batchSize: 1 })).toBe(
      'Trains by SGD in batches of 1 image; the learning rate is 0.1.',
    );
    expect(words({}, { optimiser: 'sgd', momentum: 0.9, schedule: 'step', stepEpochs: 3, stepFactor: 0.5 })).toMatch(
      /by SGD with momentum 0\.9 .* multiplied by 0\.5 after every 3 epochs\.$/,
    );
  });

  it('names FedProx, SCAFFOLD and DP-SGD where the project has them, and only then', () => {
    expect(words({})).not.toMatch(/FedProx|SCAFFOLD|DP-SGD/);
    expect(words({}, { proximalStrength: 0.01 })).toContain('(FedProx, μ = 0.01)');
    expect(words({ controlVariates: true })).toContain('(SCAFFOLD)');
    expect(words({}, { privacy: { noiseMultiplier: 0.8, clipNorm: 1.5, delta: 1e-5, maxEpsilon: 8 } })).toContain(
      'clipped to a length of 1.5, and noise of 0.8 times that is added to each step (DP-SGD)',
    );
  });
});

test('a model says what its training promised for each image', () => {
  const privacy = { noiseMultiplier: 0.801234, clipNorm: 1.5, delta: 1e-5, maxEpsilon: 8 };
  expect(promiseText({ privacy })).toBe(
    'ε of 8 at most for each training image at δ = 0.00001 (noise 0.8012, clipped at 1.5)',
  );
  expect(promiseText({ privacy: null })).toBeNull();
});
