// Measures given weights on one split of a data set.
import type { EvaluateJob, Evaluation } from '../../contract/training.ts';
import { weightSpecifications } from '../networks/weights.ts';
import { jobStopped, nothingToEvaluate } from '../faults.ts';
import { metricsTally } from '../metrics/tally.ts';
import { batchSource } from './batches.ts';
import { checkImagesFit, openDatasetFile } from './dataset-file.ts';
import { measureExamples } from './measure-examples.ts';
import type { RunControl } from './run-control.ts';
import type { SessionCache } from './session-cache.ts';
import { readWeightsFile } from './weights-file.ts';

/** Images read at once. */
const batchSize = 32;

/**
 * Runs an evaluation to its end.
 * @throws Fault 350–352 (data set), 354 (outputs not finite), 355 (weights), 360 (empty split), 361 (stopped).
 */
export async function evaluate(
  job: EvaluateJob,
  { sessions, control }: { sessions: SessionCache; control: RunControl },
): Promise<Evaluation> {
  const opened = openDatasetFile(job.datasetFile);
  const dataset = { ...opened, header: { ...opened.header, ...job.normalisation } };
  try {
    checkImagesFit(dataset.header, job.network);
    const examples = dataset.examplesOf(job.split);
    if (examples.length === 0) throw nothingToEvaluate(job.split);
    const { classes } = dataset.header;
    const weights = readWeightsFile(job.weightsFile, weightSpecifications(job.network, classes.length));
    const session = await sessions.openForPrediction({ ...job, classes: classes.length, images: examples.length });
    session.setWeights(weights);
    const { operatingPoint } = job;
    const tally = metricsTally({ ...dataset.header, examples: examples.length, operatingPoint });
    const batches = batchSource(dataset, batchSize, 0);
    const isDone = await measureExamples({ session, dataset, batches, batchSize, examples, tally, control });
    if (!isDone) throw jobStopped();
    const report = job.isExplained ? tally.report(job.groups) : null;
    return { metrics: report?.metrics ?? tally.metrics(), report, ...tally.kept() };
  } finally {
    opened.close();
  }
}
