// Situations for the federation's tests: real hubs, real sites, real sockets; only the training is a small sum that a test can foresee.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { projectSchema, type Membership, type Project } from '../../../src/contract/federation.ts';
import { encodeTensorFile, float32Tensor } from '../../../src/contract/safetensors.ts';
import type { LeakFinding } from '../../../src/contract/leak-finding.ts';
import { type Metrics, metricsSchema } from '../../../src/contract/metrics.ts';
import { decodeWeights, encodeWeights } from '../../../src/sync/aggregation/weights.ts';
import type { LedgerDetail } from '../../../src/sync/site/membership-desk.ts';
import { openSite, type Site } from '../../../src/sync/site/site.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';

export const classes = ['healthy', 'ill'];

export function practiceProject(changes: Partial<Project> & { rule?: Partial<Project['trunkRule']> } = {}): Project {
  const { rule, ...others } = changes;
  return projectSchema.parse({
    id: 'practice',
    title: 'A practice project',
    classes,
    network: {
      name: 'one-layer',
      description: 'One dense layer',
      input: { height: 8, width: 8, channels: 1 },
      layers: [
        { op: 'global-average-pool', id: 'pool', input: 'input' },
        { op: 'dense', id: 'logits', input: 'pool', units: 'classes' },
      ],
      output: 'logits',
    },
    hyperParameters: {},
    trunkRule: { bufferSize: 2, ...rule },
    updateCodec: 'float32',
    commits: 3,
    seed: 7,
    ...others,
  });
}

/** Weights of a made-up network: `count` values, all `value`. */
export function weightsOf(value: number, count = 64): Uint8Array {
  return encodeTensorFile({
    tensors: new Map([['logits.kernel', float32Tensor(new Float32Array(count).fill(value), [count])]]),
    metadata: {},
  });
}

export function firstWeight(weights: Uint8Array): number {
  return decodeWeights(weights).get('logits.kernel')!.values[0]!;
}

export const nothingFound: LeakFinding = {
  isRecognised: false,
  failure: null,
  sentence: 'No image could be recognised.',
  similarity: 0.1,
  images: 1,
};

/** A site whose training adds `step` to every weight, and whose models predict its labels the better, the nearer they are to `goal`. */
export function practiceWork(options: {
  readonly step: number;
  readonly goal?: number;
  readonly examples?: number;
  /** Waited for before each update: a slow site, or one that the test holds. */
  readonly beforeUpdate?: (turn: number) => Promise<void>;
  /** What the leak probe finds; nothing by default. */
  readonly probe?: () => Promise<LeakFinding>;
}): SiteWork {
  const labels = Int32Array.from({ length: 20 }, (_, index) => index % 2);
  const goal = options.goal ?? 1;
  const measured = (probabilities: Float32Array): Metrics => {
    const confidence = labels.reduce((sum, label, index) => sum + probabilities[index * 2 + label]!, 0) / labels.length;
    const estimate = { value: confidence, low: confidence, high: confidence };
    return metricsSchema.parse({
      examples: labels.length,
      patients: labels.length,
      loss: 1 - confidence,
      accuracy: estimate,
      auc: estimate,
      balancedAccuracy: confidence,
      calibrationError: 0,
      perClass: [],
      confusion: [],
    });
  };
  const moved = (weights: Uint8Array, by: number): Uint8Array =>
    encodeWeights(
      new Map(
        [...decodeWeights(weights)].map(([name, { shape, values }]) => [
          name,
          { shape, values: values.map((v) => v + by) },
        ]),
      ),
    );
  return {
    async trainUpdate({ trunkWeights, turn }) {
      await options.beforeUpdate?.(turn);
      return { weights: moved(trunkWeights, options.step), examples: options.examples ?? 10, loss: 0.5 };
    },
    probeLeak: options.probe ?? (async () => nothingFound),
    trainLocalOnly: async () => ({ weights: weightsOf(options.step * 2), examples: options.examples ?? 10 }),
    async evaluate({ weights }) {
      const nearness = 1 / (1 + Math.abs(firstWeight(weights) - goal));
      const probabilities = new Float32Array(labels.length * 2);
      labels.forEach((label, index) => {
        probabilities[index * 2 + label] = nearness;
        probabilities[index * 2 + 1 - label] = 1 - nearness;
      });
      return { metrics: measured(probabilities), probabilities, labels };
    },
    measure: async ({ probabilities }) => measured(probabilities),
    layoutOf: (definition) => [{ name: 'logits.kernel', shape: [definition.name === 'one-layer' ? 64 : 128] }],
    datasetFingerprint: async (cohort) => createHash('sha256').update(cohort).digest('hex'),
  };
}

/** Waits until `condition` gives something, looking again every few milliseconds. */
export async function until<T>(
  what: string,
  condition: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  deadlineMs = 20_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Folders and open parts of one test, closed in reverse order. */
export interface TestBench {
  folder(): string;
  keep<T extends { close(): Promise<void> }>(part: T): T;
  /** `onAct` hears of each act before the ledger; what it throws is the ledger's own failure. */
  site(name: string, work: SiteWork, folder?: string, onAct?: (act: string) => void): Promise<PracticeSite>;
  /** `beforeFolders` runs when the parts are closed and the folders still there. */
  close(options?: { readonly beforeFolders: () => void }): Promise<void>;
}

export function openBench(): TestBench {
  const folders: string[] = [];
  const parts: { close(): Promise<void> }[] = [];
  const bench: TestBench = {
    folder() {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-sync-'));
      folders.push(folder);
      return folder;
    },
    keep<T extends { close(): Promise<void> }>(part: T): T {
      parts.push(part);
      return part;
    },
    async site(name: string, work: SiteWork, folder = bench.folder(), onAct: (act: string) => void = () => {}) {
      const ledger: { act: string; detail: LedgerDetail }[] = [];
      const changes: Membership[] = [];
      const site = bench.keep(
        await openSite({
          folder,
          siteName: name,
          work,
          random: () => 0.2,
          onChange: (membership) => changes.push(membership),
          onLedger(act, detail) {
            onAct(act);
            ledger.push({ act, detail });
          },
        }),
      );
      return Object.assign(site, { ledger, changes, folder });
    },
    async close(options) {
      for (const part of parts.splice(0).reverse()) await part.close();
      options?.beforeFolders();
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

export type PracticeSite = Site & {
  readonly ledger: { act: string; detail: LedgerDetail }[];
  readonly changes: Membership[];
  readonly folder: string;
};
