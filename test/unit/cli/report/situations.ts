// A finished practice federation of four hospitals, for the report's tests.
import { type Metrics, metricsSchema } from '../../../../src/contract/metrics.ts';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';
import type { DemoResult } from '../../../../src/cli/report/demo-result.ts';

const classes = ['Normal', 'Nodule', 'Effusion'];

export function metricsAround(auc: number, accuracy: number): Metrics {
  const around = (value: number, half: number) => ({ value, low: value - half, high: Math.min(1, value + half) });
  return metricsSchema.parse({
    examples: 312,
    patients: 156,
    loss: 1.2 - accuracy,
    accuracy: around(accuracy, 0.05),
    auc: around(auc, 0.03),
    balancedAccuracy: accuracy - 0.02,
    calibrationError: 0.06,
    perClass: classes.map((name, index) => ({
      name,
      examples: 104,
      sensitivity: accuracy - 0.04 * index,
      specificity: 0.93,
      auc: auc - 0.01 * index,
    })),
    confusion: [
      [94, 6, 4],
      [9, 88, 7],
      [3, 12, 89],
    ],
  });
}

const hospitals = [
  { name: 'Lyon', scanner: 'Alder Vue 64, soft kernel', studies: 220, mix: [140, 60, 20], speed: 1, quality: 0.8 },
  {
    name: 'Oslo',
    scanner: 'Birch CT-16, sharp kernel, low dose',
    studies: 160,
    mix: [30, 110, 20],
    speed: 1,
    quality: 0.77,
  },
  { name: 'Quito', scanner: 'Cedar One, thick slices', studies: 120, mix: [40, 20, 60], speed: 1, quality: 0.74 },
  { name: 'Kyoto', scanner: 'Elm Pro 128', studies: 90, mix: [20, 25, 45], speed: 0.1, quality: 0.71 },
];

export function finishedFederation(): DemoResult {
  const random = seededRandom(3);
  const sites = hospitals.map(({ name, scanner, studies, mix, speed }, index) => ({
    name,
    scanner,
    studies,
    examples: {
      train: Math.round(studies * 0.7),
      validation: Math.round(studies * 0.15),
      test: Math.round(studies * 0.15),
    },
    classCounts: mix,
    speed,
    updates: speed < 1 ? 3 : 16 - 2 * index,
    meanStaleness: speed < 1 ? 9.3 : 0.8 + 0.3 * index,
    bytesSent: 1_240_000 * (index + 1),
    bytesReceived: 4_510_000,
    ledgerHead: String(index + 1).repeat(64),
  }));
  const trunkHistory = hospitals.flatMap(({ name, speed, quality }) =>
    Array.from({ length: speed < 1 ? 5 : 14 }, (_, version) => {
      const progress = speed < 1 ? (version + 1) * 2.8 : version + 1;
      const auc = Math.min(0.99, quality + 0.17 * (1 - Math.exp(-progress / 4)) + 0.02 * (random() - 0.5));
      return {
        version: Math.round(progress),
        atSeconds: progress * 9 + 4 * random(),
        site: name,
        auc,
        accuracy: auc - 0.08,
        loss: 1.3 - auc,
      };
    }),
  );
  const arrivals = hospitals.flatMap(({ name, speed }) =>
    Array.from({ length: speed < 1 ? 3 : 15 }, (_, index) => ({
      atSeconds: speed < 1 ? 38 * (index + 1) : 8.4 * (index + 1) + 3 * random(),
      site: name,
      stalenessCommits: speed < 1 ? 9 : 1,
    })),
  );
  return {
    startedAt: '2026-03-01T12:00:00.000Z',
    seconds: 163,
    machine: { cores: 2, node: '24.21.0', platform: 'linux x64' },
    project: {
      title: 'Practice: findings in chest phantoms',
      classes,
      network: 'cnn-small',
      parameters: 24_883,
      commits: 14,
      bufferSize: 3,
      stalenessExponent: 0.5,
    },
    sites,
    trunkHistory,
    arrivals,
    pooled: {
      patients: 156,
      examples: 312,
      rows: [
        ...hospitals.map(({ name, quality }) => ({
          model: 'local-only' as const,
          site: name,
          metrics: metricsAround(quality, quality - 0.12),
        })),
        { model: 'trunk', site: null, metrics: metricsAround(0.926, 0.846) },
        ...hospitals.map(({ name, quality }) => ({
          model: 'ensemble' as const,
          site: name,
          metrics: metricsAround(quality + 0.13, quality + 0.03),
        })),
        { model: 'central', site: null, metrics: metricsAround(0.951, 0.885) },
      ],
    },
    localMean: { auc: 0.755, accuracy: 0.635 },
    passed: true,
  };
}
