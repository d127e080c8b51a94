// Predictions led back: to the patient and the file of each image, and to what the cohorts say of it.
import type { Model, PredictedImage, TracedPrediction } from '../../contract/model.ts';
import type { CohortItem } from '../cohorts/cohort-items.ts';
import type { Cohorts } from '../cohorts/cohorts.ts';
import type { SelectedInstance } from '../library/library.ts';
import type { ModelRegistry } from './model-registry.ts';

interface TraceParts {
  /** The instances that the model was run on. */
  readonly chosen: readonly SelectedInstance[];
  /** Whose labels and split are told; null for none. */
  readonly cohort: string | null;
  readonly cohorts: Pick<Cohorts, 'show' | 'items' | 'trainingImages'>;
  readonly models: Pick<ModelRegistry, 'list'>;
}

/** @returns one for each of `images`, in their order */
export function tracePredictions(
  model: Model,
  images: readonly PredictedImage[],
  { chosen, cohort, cohorts, models }: TraceParts,
): TracedPrediction[] {
  const instances = new Map(chosen.map((one) => [one.sopInstanceUID, one]));
  const known = cohort === null ? null : labelled(cohort, cohorts);
  const learnt = learntImages(model, models.list(), cohorts);
  return images.map((image) => {
    const item = known?.get(keyOf(image)) ?? known?.get(keyOf({ ...image, frame: null }));
    const instance = instances.get(image.sopInstanceUID);
    return {
      ...image,
      patientID: instance?.patientID ?? '',
      file: instance?.path ?? '',
      split: item?.split ?? null,
      truth: item?.truth ?? null,
      isTrainedOn: learnt.has(image.sopInstanceUID),
    };
  });
}

/** What to say of images that the model learnt from; none where there are none. */
export function trainedOnWarnings(images: readonly TracedPrediction[]): string[] {
  const trainedOn = images.filter((image) => image.isTrainedOn).length;
  if (trainedOn === 0) return [];
  return [
    `The model was trained on ${trainedOn} of these ${images.length} images: what it says of them tells nothing about how good it is.`,
  ];
}

const keyOf = ({ sopInstanceUID, frame }: Pick<CohortItem, 'sopInstanceUID' | 'frame'>): string =>
  `${sopInstanceUID}/${frame ?? ''}`;

function labelled(
  name: string,
  cohorts: TraceParts['cohorts'],
): Map<string, { truth: string; split: CohortItem['split'] }> {
  const { classes } = cohorts.show(name);
  const known = new Map<string, { truth: string; split: CohortItem['split'] }>();
  for (const item of cohorts.items(name)) {
    const names = item.labels.map((label) => classes[label]?.name ?? '');
    known.set(keyOf(item), { truth: names.length > 0 ? names.join(', ') : 'none', split: item.split });
  }
  return known;
}

/** SOP Instance UIDs of the training images of the model and of all that it goes on from. */
function learntImages(model: Model, all: readonly Model[], cohorts: TraceParts['cohorts']): Set<string> {
  const learnt = new Set<string>();
  const lineage = new Map([[model.id, model]]);
  // A map may grow while it is walked.
  for (const { parents, cohort, cohortHash } of lineage.values()) {
    for (const uid of cohorts.trainingImages(cohort, cohortHash)) learnt.add(uid);
    for (const parent of all) if (parents.includes(parent.id)) lineage.set(parent.id, parent);
  }
  return learnt;
}
