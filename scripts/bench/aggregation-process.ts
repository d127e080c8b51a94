// One turn of the aggregation bench, in a process of its own: its memory is its own. `updates`: a commit of the files in a folder.
// `held`: a commit of as many updates that lie in memory, all in the same place. `copy`: as many bytes copied in memory.
import path from 'node:path';
import { trunkRuleSchema, updateFormSchema } from '../../src/contract/federation.ts';
import { commitOfUpdates } from '../../src/sync/aggregation/trunk-commit.ts';
import { heldValues, type TensorValues } from '../../src/sync/aggregation/tensor-values.ts';
import { openUpdate, openWeights } from '../../src/sync/aggregation/update-values.ts';
import type { WeightLayout } from '../../src/sync/aggregation/weights.ts';
import { openFileRanges } from '../../src/sync/hub/file-ranges.ts';

const [kind, folder = '', ...numbers] = process.argv.slice(2);
const [parameters = 0, updates = 0] = numbers.map(Number);

const layout: WeightLayout = new Map([['weights', { shape: [parameters] }]]);

function commit(): void {
  const files = openFileRanges();
  const form = updateFormSchema.parse({ updateCodec: 'float32' });
  // Any weights will do as the base.
  commitOf(openWeights(files.of(path.join(folder, '0'))).values, (index) =>
    openUpdate(files.of(path.join(folder, String(index))), { layout, form }),
  );
  files.close();
}

function commitOf(base: TensorValues, updateOf: (index: number) => TensorValues): void {
  commitOfUpdates({
    base: { layout, values: base },
    layout,
    statistics: new Set(),
    optimizerState: null,
    rule: trunkRuleSchema.parse({ bufferSize: updates }),
    updates: Array.from({ length: updates }, (_, index) => ({
      id: String(index),
      site: String(index),
      examples: 100 + index,
      stalenessCommits: 0,
      values: updateOf(index),
    })),
  });
}

function copy(): void {
  for (let update = 0; update < updates; update += 1) to.set(from);
}

const room = kind === 'updates' ? 0 : parameters;
const from = new Float32Array(room).fill(1);
const to = new Float32Array(kind === 'copy' ? room : 0).fill(1);
const held = heldValues(new Map([['weights', { shape: [room], values: from }]]));
const started = performance.now();
if (kind === 'copy') copy();
else if (kind === 'held') commitOf(held, () => held);
else commit();
const seconds = (performance.now() - started) / 1_000;
console.log(JSON.stringify({ seconds, megabytes: (process.resourceUsage().maxRSS * 1_024) / 1e6 }));
