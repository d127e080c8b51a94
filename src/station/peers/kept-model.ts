// A model of a federation's bench as one of this site's own: so that what was trained together can be used on its studies.
import type { DatasetHeader } from '../../contract/dataset.ts';
import type { BenchModel } from '../../sync/site/bench-acts.ts';
import type { NewModel } from '../models/model-registry.ts';

/** What the registry takes, but for the file of the weights. */
export function keptModel(
  federation: string,
  { definition, project, cohort, normalisation, site, version, isOfThisSite }: BenchModel,
  /** Of the approved cohort for this network: images are prepared as those on which the model was judged here. */
  header: Pick<DatasetHeader, 'cohortHash' | 'mean' | 'standardDeviation' | 'preprocessing'>,
  modalities: readonly string[],
): Omit<NewModel, 'weightsFile'> {
  const { height, width, channels } = definition.input;
  const { mean, standardDeviation } = normalisation ?? header;
  const isTrunk = version !== null;
  return {
    definition,
    task: definition.task,
    cohort,
    // A peer's model learnt from none of the images here.
    cohortHash: isOfThisSite ? header.cohortHash : '',
    classes: [...project.classes],
    test: null,
    parents: [],
    hyperParameters: isTrunk ? project.hyperParameters : null,
    training: null,
    seed: isTrunk ? project.seed : null,
    engine: null,
    provider: null,
    input: { height, width, channels, mean, standardDeviation, preprocessing: header.preprocessing ?? null },
    operatingPoint: null,
    modalities: [...modalities],
    federation: { federation, project: project.id, site, version },
  };
}
