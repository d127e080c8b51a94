// A hub in a process of its own, that a test kills, or that dies at a step or a file operation that the test names.
import { dieAt, type Death } from './die-at.ts';
import { speakAs } from './speak-as.ts';

export interface HubProcessOrder {
  readonly folder: string;
  readonly port: number;
  readonly project: Parameters<typeof import('../federation-fixture.ts').practiceProject>[0];
  /** Of the trunk, all 0. */
  readonly weights: number;
  /** In place of `weights`: tensors by name with their number of values. */
  readonly tensors: Readonly<Record<string, number>> | null;
  /** What the hub names in its handshake, where it is an older one. */
  readonly features: readonly string[] | null;
  readonly invites: number;
  readonly dieAtStep: { readonly step: string; readonly time: number } | null;
  readonly death: Death | null;
  readonly pingMs: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as HubProcessOrder;
dieAt(order.death);
const { openHub } = await import('../../../../src/sync/hub/hub.ts');
const { practiceProject, weightsOf } = await import('../federation-fixture.ts');
const { encodeWeights } = await import('../../../../src/sync/aggregation/weights.ts');
if (order.features !== null)
  speakAs(order.features, (await import('../../../../src/sync/protocol/limits.ts')).wireFeatures);
const zeros = (tensors: Readonly<Record<string, number>>): Uint8Array =>
  encodeWeights(
    new Map(Object.entries(tensors).map(([name, n]) => [name, { shape: [n], values: new Float32Array(n) }])),
  );
let times = 0;
const hub = await openHub({
  folder: order.folder,
  port: order.port,
  project: practiceProject(order.project),
  initialWeights: order.tensors === null ? weightsOf(0, order.weights) : zeros(order.tensors),
  pingMs: order.pingMs,
  onStep(step) {
    if (step !== order.dieAtStep?.step) return;
    times += 1;
    if (times === order.dieAtStep.time) process.kill(process.pid, 'SIGKILL');
  },
});
hub.watch((news) => process.send?.({ news }));
process.on('message', () => void hub.createInvite().then((invite) => process.send?.({ invite })));
const invites: string[] = [];
while (invites.length < order.invites) invites.push(await hub.createInvite());
process.send?.({ port: hub.port, invites });
