// One turn of the aggregation bench, in a process of its own: its memory is its own. `updates`: a commit of the files in a folder.
// `copy`: as many bytes copied in memory.
import path from 'node:path';
import { trunkRuleSchema, updateFormSchema } from '../../src/contract/federation.ts';
import { commitOfUpdates } from '../../src/sync/aggregation/trunk-commit.ts';
import { openUpdate, openWeights } from '../../src/sync/aggregation/update-values.ts';
import { openFileRanges } from '../../src/sync/hub/file-ranges.ts';

const [kind, folder = '', ...numbers] = process.argv.slice(2);
const [parameters = 0, updates = 0] = numbers.map(Number);

function commit(): void {
  const layout = new Map([['weights', { shape: [parameters] }]]);
  const files = openFileRanges();
  const form = updateFormSchema.parse({ updateCodec: 'float32' });
  commitOfUpdates({
    // Any weights will do.
    base: openWeights(files.of(path.join(folder, '0'))),
    layout,
    statistics: new Set(),
    optimizerState: null,
    rule: trunkRuleSchema.parse({ bufferSize: updates }),
    updates: Array.from({ length: updates }, (_, index) => ({
      id: String(index),
      site: String(index),
      examples: 100 + index,
      stalenessCommits: 0,
      values: openUpdate(files.of(path.join(folder, String(index))), { layout, form }),
    })),
  });
  files.close();
}

function copy(): void {
  for (let update = 0; update < updates; update += 1) to.set(from);
}

const room = kind === 'copy' ? parameters : 0;
const from = new Float32Array(room).fill(1);
const to = new Float32Array(room).fill(1);
const started = performance.now();
if (kind === 'copy') copy();
else commit();
const seconds = (performance.now() - started) / 1_000;
console.log(JSON.stringify({ seconds, megabytes: (process.resourceUsage().maxRSS * 1_024) / 1e6 }));
