// What a removal takes and leaves, as sentences.
import type { RemovalPlan, RemovalReport } from '../../contract/removal.ts';
import { bytes, count, counted } from '../ui/format.ts';

/** Of a removal that goes: `2 studies`, or of single series `1 series`. */
export function whatGoes({ studies, series }: Pick<RemovalPlan, 'studies' | 'series'>): string {
  return studies > 0 ? counted(studies, 'study', 'studies') : `${count(series)} series`;
}

/** What leaves the library, and what becomes of the files. */
export function goingSentences(plan: RemovalPlan): string[] {
  const { studies, series, instances, copies, copyBytes, measurements, labels } = plan;
  const parts = [studies > 0 ? `${count(series)} series` : null, counted(instances, 'image')].filter(
    (part) => part !== null,
  );
  const along = [
    ...(measurements > 0 ? [counted(measurements, 'measurement')] : []),
    ...(labels > 0 ? [counted(labels, 'label')] : []),
  ];
  const originals = instances - copies;
  return [
    `${whatGoes(plan)} (${parts.join(', ')}) ${studies + (studies > 0 ? 0 : series) === 1 ? 'leaves' : 'leave'} the library${along.length > 0 ? `, with ${along.join(' and ')}` : ''}.`,
    ...(copies > 0
      ? [
          `${counted(copies, 'copy', 'copies')} (${bytes(copyBytes)}) in the data folder ${copies === 1 ? 'is' : 'are'} deleted.`,
        ]
      : []),
    ...(originals > 0
      ? [`${counted(originals, 'original file')} ${originals === 1 ? 'stays where it is' : 'stay where they are'}.`]
      : []),
  ];
}

const cohortsNamed = 5;

/** Null where no cohort has any of it. */
export function cohortSentence({ cohorts }: RemovalPlan): string | null {
  if (cohorts.length === 0) return null;
  const named = cohorts.slice(0, cohortsNamed).map(({ name, images }) => `“${name}” (${counted(images, 'image')})`);
  const more = cohorts.length > cohortsNamed ? ` and ${cohorts.length - cohortsNamed} more` : '';
  return `Cohorts that have some of it stay as they are, and what is built from them next leaves it out: ${named.join(', ')}${more}.`;
}

export function removedSentence({ studies, series, instances, cancelled }: RemovalReport): string {
  const removed = `${whatGoes({ studies, series })} (${counted(instances, 'image')}) removed from the library.`;
  return cancelled ? `Cancelled: ${removed}` : removed;
}
