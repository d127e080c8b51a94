// What cohorts need of the library, and no more.
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

export interface LibraryForCohorts {
  /** Instances with pixel data of the studies that match `query`, of the studies listed where a list is given. */
  selectInstances(selection: {
    query: string;
    studyInstanceUIDs: readonly string[] | null;
  }): Iterable<SelectedInstance>;
  /** Decodes one frame, counted from 1; rejects with a Fault where the file or its codec cannot. */
  frame(sopInstanceUID: string, frame: number): Promise<Frame>;
}
