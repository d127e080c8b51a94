// What a cohort version is made of.
import { createHash, createHmac } from 'node:crypto';
import type { Task } from '../../contract/network.ts';
import type { SplitName } from '../../contract/training.ts';

/** A segmentation of an image: which class each of its regions is. */
export interface ItemMask {
  /** Of the SEG or RTSTRUCT. */
  readonly sopInstanceUID: string;
  /** Region (SegmentNumber or ROINumber) and index into the cohort's classes. */
  readonly classes: readonly (readonly [number, number])[];
}

/** One image of a cohort version. Patients are pseudonyms: names and identifiers stay in the library. */
export interface CohortItem {
  readonly sopInstanceUID: string;
  readonly patient: string;
  /**
   * Indices into the cohort's classes, ascending. Classification: one. Several labels: any number. Segmentation: those that the
   * slice shows, the background aside.
   */
  readonly labels: readonly number[];
  readonly split: SplitName;
  /** Of the instance. */
  readonly frames: number;
  /** Counts from 1; null where the middle frame stands for all. */
  readonly frame: number | null;
  /** Empty but for segmentations. */
  readonly masks: readonly ItemMask[];
}

/** The keyed hash that stands for a patient everywhere outside of the library; only this site can repeat it. */
export function pseudonymOf(patientKey: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`patient/${patientKey}`).digest('hex').slice(0, 32);
}

/** SHA-256 (hex) over what decides a data set: task, classes, then each item that is taken, in the order of their UIDs and frames. */
export function cohortHash(
  task: Task,
  classNames: readonly string[],
): { take(item: CohortItem): void; digest(): string } {
  // Classifications keep the form that they had before there were other tasks, and with it their hashes.
  const isPlain = task === 'classification';
  const head = isPlain ? ['cohort', 1, classNames] : ['cohort', 2, task, classNames];
  const hash = createHash('sha256').update(`${JSON.stringify(head)}\n`);
  return {
    take({ sopInstanceUID, patient, labels, split, frames, frame, masks }) {
      const line = isPlain
        ? [sopInstanceUID, patient, labels[0], split, frames]
        : [sopInstanceUID, patient, labels, split, frames, frame, masks];
      hash.update(`${JSON.stringify(line)}\n`);
    },
    digest: () => hash.digest('hex'),
  };
}
