// What a model says of whole studies, from what it said of their images.
import type { CallOutput } from '../../contract/calls.ts';
import type { Model } from '../../contract/model.ts';
import { counted } from '../ui/format.ts';

export const nothingDrawn = 'nothing drawn';

export type Found = CallOutput<'predict-studies'>;

export interface StudyAnswer {
  readonly studyInstanceUID: string;
  /**
   * The image that the answer is clearest on: where its first class is most probable, of a segmentation where its mask is largest;
   * null where no image could be read, and where nothing was drawn.
   */
  readonly clearest: Found['images'][number] | null;
  /** Of that image, else of any; null where no image could be read. */
  readonly seriesInstanceUID: string | null;
  readonly images: number;
  /** Classes as words; '–' where no image could be read. */
  readonly answer: string;
  /** Of the class named first: the mean over the study's images; of a segmentation the share of their pixels, null where nothing was drawn. */
  readonly probability: number | null;
  /** Of each class that the answer names, as `probability` is of the first. */
  readonly probabilities: readonly number[];
  /** Classes of its images in the cohort that the model was run on, and their split; null where it was run on none. */
  readonly truth: string | null;
  readonly split: string | null;
  /** Images that could not be read, and why the first of them could not. */
  readonly failed: number;
  readonly reason: string | null;
}

/**
 * In the order in which studies come; those of which nothing could be read last.
 * @param model whose thresholds say from where on a label of several is there; one half where it has none
 */
export function studyAnswers(
  { images, failures, classes }: Pick<Found, 'images' | 'failures' | 'classes'>,
  model: Pick<Model, 'task' | 'operatingPoint'>,
): StudyAnswer[] {
  const studies = new Map<string, { own: Found['images']; problems: Found['failures'] }>();
  const studyOf = (uid: string): { own: Found['images']; problems: Found['failures'] } => {
    const study = studies.get(uid) ?? { own: [], problems: [] };
    studies.set(uid, study);
    return study;
  };
  for (const image of images) studyOf(image.studyInstanceUID).own.push(image);
  for (const failure of failures) studyOf(failure.studyInstanceUID).problems.push(failure);
  return [...studies].map(([studyInstanceUID, { own, problems }]) => {
    const means = classes.map(
      (_, index) => own.reduce((sum, { probabilities }) => sum + (probabilities[index] ?? 0), 0) / own.length,
    );
    const { indices, answer } = chosen(means, classes, model);
    const [first] = indices;
    const [clearest] = [...own].sort((a, b) => (b.probabilities[first ?? 0] ?? 0) - (a.probabilities[first ?? 0] ?? 0));
    return {
      studyInstanceUID,
      clearest: first === undefined ? null : (clearest ?? null),
      seriesInstanceUID: clearest?.seriesInstanceUID ?? null,
      images: own.length,
      answer: own.length === 0 ? '–' : answer,
      probability: own.length === 0 || first === undefined ? null : (means[first] ?? null),
      probabilities: own.length === 0 ? [] : indices.map((index) => means[index]!),
      truth: distinct(own.map(({ truth }) => truth)),
      split: distinct(own.map(({ split }) => split)),
      failed: problems.length,
      reason: problems[0]?.reason ?? null,
    };
  });
}

/** Each value once, as words; null where there is none. */
function distinct(values: readonly (string | null)[]): string | null {
  const known = new Set(values.filter((value) => value !== null));
  return known.size === 0 ? null : [...known].join(' / ');
}

/** Which classes the answer names, the first of which its number is of. */
function chosen(
  means: readonly number[],
  classes: readonly string[],
  { task, operatingPoint }: Pick<Model, 'task' | 'operatingPoint'>,
): { indices: number[]; answer: string } {
  const byMean = means.map((_, index) => index).sort((a, b) => means[b]! - means[a]!);
  const names = (indices: readonly number[]): string => indices.map((index) => classes[index]).join(', ');
  if (task === 'multi-label') {
    const present = byMean.filter((index) => means[index]! >= (operatingPoint?.thresholds[index] ?? 0.5));
    return present.length > 0
      ? { indices: present, answer: names(present) }
      : { indices: byMean.slice(0, 1), answer: `none (most: ${names(byMean.slice(0, 1))})` };
  }
  if (task === 'segmentation') {
    const drawn = byMean.filter((index) => index > 0 && means[index]! > 0);
    return drawn.length > 0 ? { indices: drawn, answer: names(drawn) } : { indices: [], answer: nothingDrawn };
  }
  return { indices: byMean.slice(0, 1), answer: names(byMean.slice(0, 1)) };
}

/** Labels that are numbers would read like counts. */
const named = (answer: string): string => (/^\d+$/.test(answer) ? `class ${answer}` : answer);

/** `12 studies, 300 images: normal in 9, nodule in 3`. */
export function answerWords(answers: readonly StudyAnswer[]): string {
  const images = answers.reduce((sum, one) => sum + one.images, 0);
  const byAnswer = new Map<string, number>();
  for (const { answer } of answers) byAnswer.set(answer, (byAnswer.get(answer) ?? 0) + 1);
  const counts = [...byAnswer]
    .map(([answer, count]) => ({ answer: named(answer), count }))
    .sort((a, b) => b.count - a.count);
  const all = `${counted(answers.length, 'study', 'studies')}, ${counted(images, 'image')}`;
  if (counts.length === 1) return `${all}: ${counts[0]!.answer}${answers.length > 1 ? ' in all of them' : ''}`;
  const parts = counts.slice(0, 6).map(({ answer, count }) => `${answer} in ${count}`);
  if (counts.length > 6) parts.push('…');
  return `${all}: ${parts.join('; ')}`;
}
