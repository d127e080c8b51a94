// What cohorts need of the library, and no more.
import type { StudyFilter } from '../../contract/study-filter.ts';
import type { LabelOrigin } from '../../contract/cohort.ts';
import type { Frame } from '../../contract/dicom.ts';

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
}

export interface StoredLabel {
  readonly level: 'study' | 'series' | 'instance';
  readonly uid: string;
  readonly label: string;
}

export interface LibraryForCohorts {
  /** Instances with pixel data of the studies that match `query`, of the studies listed where a list is given. */
  selectInstances(selection: {
    query: string;
    filters?: readonly StudyFilter[];
    studyInstanceUIDs: readonly string[] | null;
  }): Iterable<SelectedInstance>;
  /** Labels stored with studies; those of one origin, at most one for each UID and level. */
  readonly labels: { all(origin: LabelOrigin): readonly StoredLabel[] };
  /** Decodes one frame, counted from 1; rejects with a Fault where the file or its codec cannot. */
  frame(sopInstanceUID: string, frame: number): Promise<Frame>;
}
