// The process in which time is imagined: plays one scenario that its parent sends, tells each commit, then the outcome.
import { installVirtualClock } from './virtual-clock.ts';

// Before hub and site code is loaded, so that no timer of theirs is a real one.
const clock = installVirtualClock();
const { scenarioSchema } = await import('./scenario.ts');
const { logisticWork } = await import('./logistic-work.ts');
const { simulateFederation } = await import('./simulate-federation.ts');

process.once('message', (message) => {
  void (async () => {
    const scenario = scenarioSchema.parse(message);
    const outcome = await simulateFederation(clock, scenario, logisticWork(scenario), (commit) =>
      process.send?.({ commit }),
    );
    process.send?.({ outcome }, () => process.exit(0));
  })();
});
