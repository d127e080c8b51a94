// The leak probe, asked for a cohort and a network of this station or for a federation's project.
import type { CallArguments, CallOutput } from '../../contract/calls.ts';
import type { Network } from '../../contract/network.ts';
import { type LeakProbe } from '../../contract/training.ts';
import { groupNormTwin, resolveNetwork, startTrainer } from '../../trainer/client.ts';
import { stationFault } from '../faults.ts';
import type { Station } from '../open-station.ts';

const digits = 2;

/** Runs the probe in a trainer process of its own, so that it waits for no run. @throws Fault 350–361, 682 */
export async function leakProbeAnswer(
  { cohorts, datasets, models, site, ledger }: Station,
  input: CallArguments<'leak-probe'>,
): Promise<CallOutput<'leak-probe'>> {
  const { cohort, federation, model: modelId, batch, privacy, maxSeconds, iterations } = input;
  const project = federation === null ? null : site.memberships().find((one) => one.federation === federation)?.project;
  if (federation !== null && !project) throw stationFault.noSuchObject('project');
  const model = modelId === null ? null : models.get(modelId);
  const chosen: Network =
    project?.network ?? model?.definition ?? resolveNetwork(input.network, cohorts.show(cohort).task);
  const settings = project?.hyperParameters.privacy ?? privacy ?? null;
  const network = settings === null ? chosen : groupNormTwin(chosen);
  const { file } = await cohorts.buildDataset(cohort, {
    ...network.input,
    ...(project && { classes: project.classes }),
    folder: datasets,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  const trainer = startTrainer({});
  try {
    const probe = await trainer.probeLeak({
      datasetFile: file,
      network,
      weightsFile: model?.weightsFile ?? null,
      seed: project?.seed ?? 0,
      batch,
      privacy: settings,
      maxSeconds,
      iterations,
    });
    ledger.append('leak-probe', { cohort, network: network.name, batch, isRecognised: probe.isRecognised });
    return {
      ...probe,
      pairs: probe.pairs.map(withPictures),
      network: network.name,
      sentence: sentenceOf(probe, batch, settings !== null),
    };
  } finally {
    trainer.close();
  }
}

function withPictures({ truth, guess, ...rest }: LeakProbe['pairs'][number]) {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return { ...rest, truth: text(truth), guess: text(guess) };
}

function sentenceOf({ pairs, isRecognised }: LeakProbe, batch: number, isPrivate: boolean): string {
  const [likest] = pairs;
  if (likest === undefined) return 'There was nothing to attack.';
  const of = batch === 1 ? 'one image' : `${batch} images`;
  const figures = `likeness ${likest.similarity.toFixed(digits)} of 1, place ${likest.rank} among ${likest.others + 1} images`;
  if (isRecognised) {
    return `An image could be recognised from the gradient of ${of} (${figures}). Send no update made of so few images: use larger batches and more steps between two updates, or a privacy promise.`;
  }
  const caution = isPrivate
    ? 'Its privacy promise holds against every attack, this one is only an example.'
    : 'Another attack may succeed: only a privacy promise rules that out.';
  return `No image could be recognised from the gradient of ${of} (best guess: ${figures}). ${caution}`;
}
