// The leak probe, asked for a cohort and a network of this station or for a federation's project.
import type { CallArguments, CallOutput } from '../../contract/calls.ts';
import type { LeakProbe, LeakProbeJob } from '../../contract/leak-probe.ts';
import type { Network } from '../../contract/network.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import { groupNormTwin, readNetworkFile, resolveNetwork, startTrainer } from '../../trainer/client.ts';
import { stationFault } from '../faults.ts';
import type { Station } from '../open-station.ts';
import { picturesOf } from './leak-pictures.ts';
import { leakSentence } from './leak-words.ts';
import { projectProbeJob, projectProbeSentence } from './project-probe.ts';

type Request = CallArguments<'leak-probe'>;

interface Attack {
  readonly job: Omit<LeakProbeJob, 'datasetFile' | 'iterations' | 'maxSeconds' | 'threads'>;
  readonly classes?: readonly string[];
  readonly sentenceOf: (probe: LeakProbe) => string;
}

/** Runs the probe in a trainer process of its own, so that it waits for no run. @throws Fault 300–305, 350–365, 682, 683 */
export async function leakProbeAnswer(
  station: Station,
  request: Request,
  signal = new AbortController().signal,
): Promise<CallOutput<'leak-probe'>> {
  const { cohort, batch, maxSeconds, iterations } = request;
  const { job, classes, sentenceOf } = attackOf(station, request);
  const { file } = await station.cohorts.buildDataset(cohort, {
    ...job.network.input,
    task: job.network.task,
    ...(classes !== undefined && { classes }),
    folder: station.datasets,
    signal,
    onProgress: () => {},
  });
  const trainer = startTrainer({});
  // The process is this probe's own: nobody waits until it hears an order.
  signal.addEventListener('abort', () => trainer.close());
  try {
    const order = { ...job, ...(batch !== null && { batch }), datasetFile: file, maxSeconds, iterations };
    const probe = await trainer.probeLeak(order, { signal });
    const network = job.network.name;
    station.ledger.append('leak-probe', {
      cohort,
      network,
      batch: probe.pairs.length,
      isRecognised: probe.isRecognised,
    });
    return { ...probe, ...picturesOf(probe), network, sentence: sentenceOf(probe) };
  } finally {
    trainer.close();
  }
}

/** Whose next step is attacked: a project's from its trunk, a model's, or that of a training from the beginning. */
function attackOf({ site, models, cohorts }: Station, request: Request): Attack {
  const { federation, privacy } = request;
  if (federation !== null) {
    const project = site.memberships().find((one) => one.federation === federation)?.project;
    if (!project) throw stationFault.noSuchObject('project');
    return {
      // Where the trunk is not here yet: the weights that it starts from.
      job: { ...projectProbeJob(project), weightsFile: site.trunkFile(federation) },
      classes: project.classes,
      sentenceOf: (probe) => projectProbeSentence(project, probe),
    };
  }
  const model = request.model === null ? null : models.get(request.model);
  const { task, classes } = cohorts.show(request.cohort);
  const bundledOrOwn = (): Network =>
    request.networkFile === null
      ? resolveNetwork(request.network, task)
      : readNetworkFile(request.networkFile, { task, classes: classes.length });
  const chosen = model?.definition ?? bundledOrOwn();
  return {
    job: {
      // As of a training: of a model there is no twin.
      network: privacy === null || model !== null ? chosen : groupNormTwin(chosen),
      weightsFile: model?.weightsFile ?? null,
      seed: 0,
      batch: 1,
      hyperParameters: hyperParametersSchema.parse(request.hyperParameters),
      privacy,
    },
    sentenceOf: (probe) => leakSentence(probe, { privacy, maskedSites: null }),
  };
}
