// A hub in a process of its own, that a test may kill at any moment, or that kills itself at a named step.
import { openHub } from '../../../src/sync/hub/hub.ts';
import { practiceProject, weightsOf } from './federation-fixture.ts';

const { folder, port, dieAt, project } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  port: number;
  dieAt: string | null;
  project: Parameters<typeof practiceProject>[0];
};
const hub = await openHub({
  folder,
  port,
  project: practiceProject(project),
  initialWeights: weightsOf(0),
  onStep(step) {
    if (step === dieAt) process.kill(process.pid, 'SIGKILL');
  },
});
hub.watch((news) => process.send?.({ news }));
process.send?.({ url: hub.url, port: hub.port, invites: [hub.createInvite(), hub.createInvite()] });
