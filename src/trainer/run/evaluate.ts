// Measures given weights, or the vote of several, on one split of a data set.
import type { Metrics } from '../../contract/metrics.ts';
import type { EvaluateJob, Evaluation } from '../../contract/training.ts';
import type { Predictor } from '../engines/engine.ts';
import { jobStopped, nothingToEvaluate, votersDiffer, votesTooLarge } from '../faults.ts';
import { metricsTally } from '../metrics/tally.ts';
import { weightSpecifications } from '../networks/weights.ts';
import { batchSource } from './batches.ts';
import { checkImagesFit, type DatasetFile, openDatasetFile } from './dataset-file.ts';
import { measureExamples } from './measure-examples.ts';
import type { RunControl } from './run-control.ts';
import type { SessionCache } from './session-cache.ts';
import { readWeightsFile } from './weights-file.ts';

/** Images read at once. */
const batchSize = 32;
/** Probabilities that are summed before they can be measured: 512 MB. */
const mostSummed = 64e6;

type Voter = Pick<EvaluateJob, 'datasetFile' | 'network' | 'weightsFile' | 'normalisation'>;

/**
 * Runs an evaluation to its end.
 * @throws Fault 350–352 (data set), 354 (outputs not finite), 355 (weights), 360 (empty split), 361 (stopped), 369, 370 (vote).
 */
export async function evaluate(
  job: EvaluateJob,
  { sessions, control }: { sessions: SessionCache; control: RunControl },
): Promise<Evaluation> {
  const opened: DatasetFile[] = [];
  try {
    const voters: readonly Voter[] = [job, ...job.others];
    for (const { datasetFile } of voters) opened.push(openDatasetFile(datasetFile));
    const datasets = voters.map(({ network, normalisation }, index) => {
      const dataset = { ...opened[index]!, header: { ...opened[index]!.header, ...normalisation } };
      checkImagesFit(dataset.header, network);
      return dataset;
    });
    const [dataset] = datasets as [DatasetFile];
    const examples = dataset.examplesOf(job.split);
    if (examples.length === 0) throw nothingToEvaluate(job.split);
    if (datasets.some((other) => !isOfSameExamples(other, dataset))) throw votersDiffer();
    const { classes } = dataset.header;
    const measured = async (
      session: Pick<Predictor, 'predict'>,
      of: DatasetFile,
      operatingPoint: EvaluateJob['operatingPoint'],
    ) => {
      const tally = metricsTally({ ...of.header, examples: examples.length, operatingPoint });
      const batches = batchSource(of, batchSize, 0);
      const isDone = await measureExamples({ session, dataset: of, batches, batchSize, examples, tally, control });
      if (!isDone) throw jobStopped();
      return tally;
    };
    const sessionOf = async ({ network, weightsFile }: Voter): Promise<Predictor> => {
      const weights = readWeightsFile(weightsFile, weightSpecifications(network, classes.length));
      const request = { ...job, network, classes: classes.length, images: examples.length };
      const session = await sessions.openForPrediction(request);
      session.setWeights(weights);
      return session;
    };

    const votes: Metrics[] = [];
    let decided: Pick<Predictor, 'predict'>;
    if (voters.length === 1) decided = await sessionOf(job);
    else {
      const sum = voteSum(examples.length, valuesPerExample(dataset));
      // One after the other: networks that are alike share a session.
      for (const [index, voter] of voters.entries())
        votes.push((await measured(sum.hears(await sessionOf(voter)), datasets[index]!, null)).metrics());
      decided = sum.mean(voters.length);
    }
    const tally = await measured(decided, dataset, job.operatingPoint);
    const report = job.isExplained ? tally.report(job.groups) : null;
    return { metrics: report?.metrics ?? tally.metrics(), report, votes, ...tally.kept() };
  } finally {
    for (const { close } of opened) close();
  }
}

/** Whether the same images of the same patients stand at the same places, prepared in one way or another. */
function isOfSameExamples(a: DatasetFile, b: DatasetFile): boolean {
  return a.header.examples === b.header.examples && a.patients.every((patient, index) => patient === b.patients[index]);
}

function valuesPerExample({ header: { task, classes, height, width } }: DatasetFile): number {
  return task === 'segmentation' ? height * width * classes.length : classes.length;
}

/** What each voter says, summed in the order of the examples, and then said as if by one model. @throws Fault 370 */
function voteSum(
  examples: number,
  each: number,
): {
  hears(session: Predictor): Pick<Predictor, 'predict'>;
  mean(voters: number): Pick<Predictor, 'predict'>;
} {
  if (examples * each > mostSummed) throw votesTooLarge();
  const sum = new Float64Array(examples * each);
  return {
    hears(session) {
      let at = 0;
      return {
        async predict(images, count) {
          const said = await session.predict(images, count);
          for (const value of said) sum[at++]! += value;
          return said;
        },
      };
    },
    mean(voters) {
      let at = 0;
      return {
        predict(_images, count) {
          const said = Float32Array.from(sum.subarray(at, at + count * each), (total) => total / voters);
          at += said.length;
          return Promise.resolve(said);
        },
      };
    },
  };
}
