// A hub in a process of its own, that a test may kill at any moment, or that kills itself at a named step.
import { openHub } from '../../../src/sync/hub/hub.ts';
import { practiceProject, weightsOf } from './federation-fixture.ts';

const { folder, port, dieAt, dieAtTime, project } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  port: number;
  dieAt: string | null;
  /** 1 is the first time that the step is reached. */
  dieAtTime: number;
  project: Parameters<typeof practiceProject>[0];
};
let times = 0;
const hub = await openHub({
  folder,
  port,
  project: practiceProject(project),
  initialWeights: weightsOf(0),
  onStep(step) {
    if (step !== dieAt) return;
    times += 1;
    if (times === dieAtTime) process.kill(process.pid, 'SIGKILL');
  },
});
hub.watch((news) => process.send?.({ news }));
const invites: string[] = [];
for (let made = 0; made < 4; made += 1) invites.push(await hub.createInvite());
process.send?.({ url: hub.url, port: hub.port, invites });
