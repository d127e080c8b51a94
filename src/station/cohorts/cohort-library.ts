// What cohorts need of the library, and no more.
import type { StudyFilter } from '../../contract/study-filter.ts';
import type { LabelOrigin } from '../../contract/cohort.ts';
import type { Annotations } from '../annotations/annotations.ts';

/** An instance with pixel data, as the library selects it. */
export interface SelectedInstance {
  readonly sopInstanceUID: string;
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly patientID: string;
  /** One per patient, also where PatientID is empty. */
  readonly patientKey: string;
  /** Where the file lies, or lay when it was imported. */
  readonly path: string;
  readonly modality: string;
  readonly frames: number;
  /** Along the slice normal, mm; null where the file does not say where it lies. */
  readonly position: number | null;
}

export interface StoredLabel {
  readonly level: 'study' | 'series' | 'instance';
  readonly uid: string;
  readonly label: string;
}

export interface LibraryForCohorts {
  /** How many removals of images there were since it was opened. @throws Fault 116 while one is under way */
  removals(): number;
  /**
   * Instances with pixel data of the studies that match `query`, of the studies listed where a list is given, in the order of their
   * UIDs: there may be very many.
   */
  selectInstances(selection: {
    query: string;
    filters?: readonly StudyFilter[];
    studyInstanceUIDs: readonly string[] | null;
  }): Iterable<SelectedInstance>;
  /** Labels stored with studies: of one origin at most one for each UID and level. */
  readonly labels: {
    count(origin: LabelOrigin): number;
    each(origin: LabelOrigin, level: StoredLabel['level']): Iterable<StoredLabel>;
  };
  /** Where its file lies now; null where it is not in the library any more. */
  instanceFile(sopInstanceUID: string): { readonly path: string } | null;
  /** Paths of the single-frame images that are parallel slices of one series with this one, by their position along the normal. */
  stack(sopInstanceUID: string): readonly { readonly path: string }[];
  /** Segmentations and structure sets, and what they show. */
  readonly annotations: Pick<Annotations, 'overlays' | 'overlayShapes'>;
}
