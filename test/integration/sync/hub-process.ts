// A hub in a process of its own, that a test may kill at any moment, or that kills or stops itself at a named step.
import { openHub } from '../../../src/sync/hub/hub.ts';
import { practiceProject, weightsOf } from './federation-fixture.ts';
import type { ForkedHubOrder } from './forked-hub.ts';

const { dieAt, dieAtTime, dieBy, project, weights, ...place } = JSON.parse(
  process.argv[2] ?? '{}',
) as Required<ForkedHubOrder>;
let times = 0;
const hub = await openHub({
  ...place,
  project: practiceProject(project),
  initialWeights: weightsOf(0, weights),
  onStep(step) {
    if (step !== dieAt) return;
    times += 1;
    if (times === dieAtTime) process.kill(process.pid, dieBy);
  },
});
hub.watch((news) => process.send?.({ news }));
const invites: string[] = [];
for (let made = 0; made < 4; made += 1) invites.push(await hub.createInvite());
process.send?.({ url: hub.url, port: hub.port, invites });
