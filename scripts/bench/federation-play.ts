// The process in which MedNIST federations are played on a virtual clock (virtual-clock.ts): real hub, sites, protocol and training; a
// training's time is the scenario's. Its parent sends one federation after the other and gets the outcome of each.
import { installVirtualClock } from '../../src/sync/simulation/virtual-clock.ts';

// Before hub, site and trainer code is loaded, so that no timer of theirs is a real one.
const clock = installVirtualClock();
const { openMednistTask } = await import('./mednist-task.ts');
const { simulateFederation } = await import('../../src/sync/simulation/simulate-federation.ts');
const { playOrderSchema } = await import('./play-order.ts');

const folder = process.argv[2]!;
const tasks = openMednistTask(folder);

process.on('message', (message) => {
  void (async () => {
    const order = playOrderSchema.parse(message);
    const task = tasks.taskOf(order);
    const outcome = await simulateFederation(clock, order.scenario, task, () => {});
    const last = await task.trunkMetrics();
    const { accepted, bytes } = outcome.updates;
    process.send?.({ outcome, trunk: last, bytesRatio: bytes / accepted / (4 * task.parameters) });
  })().catch((thrown: unknown) => {
    process.send?.({ failure: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
  });
});
process.once('SIGTERM', () => process.disconnect());
process.once('disconnect', () => {
  tasks.close();
  process.exit(0);
});
