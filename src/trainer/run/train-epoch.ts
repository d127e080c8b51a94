// The steps of one epoch: each batch is made while the engine computes the one before.
import { notFinite } from '../faults.ts';
import type { Batch } from './batches.ts';
import { causeOf } from './finite.ts';
import type { OngoingRun } from './ongoing-run.ts';
import type { PrefetchedBatches } from './prefetched-batches.ts';
import { shuffled } from './random.ts';
import { restAfter } from './run-control.ts';
import { learningRateAt } from './schedule.ts';
import type { TrainSurroundings } from './train.ts';

/**
 * Makes the steps that are left of the epoch in `run.position`, until it is stopped or its budget is spent.
 * @throws Fault 354 where the loss is no number
 */
export async function trainEpoch(
  run: OngoingRun,
  prefetched: PrefetchedBatches,
  { control, onNote }: TrainSurroundings,
): Promise<void> {
  const { job, session, privately, position, progress, batchSize, batchesPerEpoch, clock, atStake } = run;
  const { hyperParameters, seed } = job;
  const order = shuffled(run.examples, seed, position.epoch);
  const augmentedAs = hyperParameters.augment ? position.epoch : null;
  const batchOf = async (batch: number): Promise<Batch | null> => {
    if (batch >= batchesPerEpoch) return null;
    return privately?.batch ?? (await prefetched.batchAt(order, batch * batchSize, augmentedAs));
  };
  let next = await batchOf(position.batch);
  while (next !== null) {
    await control.turn();
    if (control.isStopped || run.isBudgetSpent()) return;
    const startedAt = clock();
    const { count } = next;
    const learningRate = learningRateAt(hyperParameters, position.steps, run.steps);
    // The next batch is made while the engine computes, where it does so outside of this thread.
    const stepping = timed(privately?.step(learningRate, position.epoch) ?? session.step({ ...next, learningRate }));
    const makingFrom = performance.now();
    const making = timed(batchOf(position.batch + 1));
    // What is made before the engine begins, and what is not there when it has ended, keeps it waiting.
    const blockedMs = performance.now() - makingFrom;
    const [stepped, following] = await Promise.all([stepping, making]);
    const loss = stepped.value;
    if (!Number.isFinite(loss)) {
      const where = `epoch ${position.epoch + 1}, step ${position.batch + 1} of ${batchesPerEpoch}`;
      throw notFinite('the loss', where, causeOf(next, learningRate, session));
    }
    next = following.value;
    position.batch += 1;
    position.steps += 1;
    position.lossSum += loss * count;
    if (session.provider !== run.device) {
      const moved = `${run.device} failed in step ${position.steps} and the ${session.provider} took over`;
      onNote(`${moved} without losing it: ${session.movedBecause ?? ''}`);
      run.device = session.provider;
    }
    run.account();
    await restAfter(clock() - startedAt, job.idleShare, control);
    const milliseconds = clock() - startedAt;
    const dataWaitMs = Math.min(milliseconds, blockedMs + Math.max(0, following.endedAt - stepped.endedAt));
    progress.stepDone({ loss, images: count, milliseconds, dataWaitMs, learningRate });
    if (atStake.isDue(progress.slowestStepMs())) run.save();
    progress.report({ state: 'training', position }, false);
  }
}

/** The value with the time at which it was there. */
async function timed<Value>(promise: Promise<Value>): Promise<{ value: Value; endedAt: number }> {
  const value = await promise;
  return { value, endedAt: performance.now() };
}
