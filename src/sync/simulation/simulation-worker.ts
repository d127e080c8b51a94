// The process in which time is imagined: plays one scenario that its parent sends, tells how far it is, then the outcome.
import { reasonOf } from '../../contract/fault.ts';
import { installVirtualClock } from './virtual-clock.ts';

// Before hub and site code is loaded, so that no timer of theirs is a real one.
const clock = installVirtualClock();
const { scenarioSchema } = await import('./scenario.ts');
const { logisticWork } = await import('./logistic-work.ts');
const { simulateFederation } = await import('./simulate-federation.ts');

/** On this machine's clock, which alone goes on by itself here. */
const tellEveryMs = 200;

/** What is thrown anywhere in here ends the simulation. */
const fail = (thrown: unknown): void => {
  process.send?.({ failed: reasonOf(thrown) }, () => {
    // For whoever looks into it.
    console.error(thrown);
    process.exit(1);
  });
};
process.once('uncaughtException', fail);

process.once('message', (message) => {
  void (async () => {
    const scenario = scenarioSchema.parse(message);
    let toldAt = performance.now();
    const outcome = await simulateFederation(clock, scenario, logisticWork(scenario), (progress) => {
      if (performance.now() - toldAt < tellEveryMs) return;
      toldAt = performance.now();
      process.send?.({ progress });
    });
    process.send?.({ outcome }, () => process.exit(0));
  })().catch(fail);
});
