// The end of a run, whatever ended it: its weights, how good they are on the test images, and what is told of it.
import type { TrainOutcome } from '../../contract/training.ts';
import { operatingPointOf } from './checkpoint-outcome.ts';
import { divergenceNote } from './divergence-note.ts';
import { missedNote } from './missed-note.ts';
import { bestEpoch } from './early-stopping.ts';
import { finite } from './finite.ts';
import type { OngoingRun } from './ongoing-run.ts';
import { encodeWeights } from './weights-file.ts';

/** Writes the weights and returns the outcome. A run whose test was stopped keeps its checkpoint and can go on. @throws Fault 354, 357 */
export async function finishRun(
  run: OngoingRun,
  classes: number,
  onNote: (note: string) => void,
): Promise<TrainOutcome> {
  const { job, session, privately, position, progress, folder, variates, examples } = run;
  run.endTraining();
  const lastWeights = session.weights();
  const finalWeights = finite(run.best ?? lastWeights, 'at the end');
  session.setWeights(finalWeights);
  folder.saveWeights(encodeWeights(finalWeights, run.specifications));
  const done = position.epoch * run.batchesPerEpoch + position.batch;
  if (variates !== null && done > 0) {
    folder.saveControlVariate(variates.next({ start: run.start, end: lastWeights, done, steps: run.steps }));
  }
  const operatingPoint = privately === null ? operatingPointOf(position) : null;
  const test = run.isTrained() ? await run.measure('test', operatingPoint) : null;
  // A stop that came after the last result changed nothing.
  const isComplete = run.isTrained() && (test !== null || run.toMeasure('test').length === 0);
  const outcome: TrainOutcome = {
    epochs: position.epochs,
    test,
    weightsFile: folder.weightsFile,
    controlVariateFile: variates === null ? null : folder.controlVariateFile,
    examples: examples.length,
    steps: position.steps,
    seconds: position.seconds,
    imagesPerSecond: progress.imagesPerSecond(),
    engine: job.engine,
    provider: session.provider,
    privacy: run.spent,
    stoppedEarly: !isComplete,
    batchSize: run.batchSize,
    ending: isComplete ? endingOf(run) : 'stopped',
    bestEpoch: privately === null ? bestEpoch(position.epochs) : null,
    operatingPoint,
  };
  if (isComplete) {
    const { task } = job.network;
    const seen = test ?? position.epochs.at(-1)?.validation ?? null;
    for (const note of [divergenceNote(position.epochs, { task, classes }), missedNote(seen, position.steps)])
      if (note !== null) onNote(note);
    // Weights of a complete run are in their file; the checkpoint keeps only what tells that it is complete.
    folder.save({ position: { ...position, outcome }, weights: new Map(), optimiser: new Map(), best: null });
    folder.forgetMeasured();
  }
  return outcome;
}

/** What ended a run that is trained. */
function endingOf({ job, position, isBudgetSpent }: OngoingRun): TrainOutcome['ending'] {
  if (position.epoch === job.hyperParameters.epochs) return 'all-epochs';
  return isBudgetSpent() ? 'budget' : 'patience';
}
