// The hub under measurement, in a process of its own: its memory is its own.
import { createHash } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { projectSchema } from '../../src/contract/federation.ts';
import { encodeWeights } from '../../src/sync/aggregation/weights.ts';
import { openHub } from '../../src/sync/hub/hub.ts';

const { folder, values, bufferSize, invites } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  values: number;
  bufferSize: number;
  invites: number;
};
const benchProject = projectSchema.parse({
  id: 'bench',
  title: 'Bench',
  classes: ['healthy', 'ill'],
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
  trunkRule: { bufferSize },
  updateCodec: 'float32',
  peerModels: false,
  commits: 1_000,
  seed: 1,
});
const hub = await openHub({
  folder,
  port: 0,
  project: benchProject,
  initialWeights: encodeWeights(new Map([['weights', { shape: [values], values: new Float32Array(values) }]])),
});
// As `imagiq hub` does.
flushCompileCache();
hub.watch((news) => {
  if (news.kind === 'trunk-committed' || news.kind === 'failed') process.send?.({ news });
});
const links: string[] = [];
while (links.length < invites) links.push(await hub.createInvite());
process.send?.({
  invites: links,
  projectHash: createHash('sha256').update(JSON.stringify(benchProject)).digest('hex'),
});
