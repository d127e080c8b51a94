// Who a patient is to this station: the key of the index's patients, and what a cohort's pseudonym is made of.
interface IdentifiedStudy {
  /** (0010,0020); empty where a file has none. */
  readonly patientID: string;
  readonly studyInstanceUID: string;
}

/** By PatientID, or by the study where its files have none: two patients without an ID are not one. */
export function patientKeyOf({ patientID, studyInstanceUID }: IdentifiedStudy): string {
  return patientID === '' ? studyKey(studyInstanceUID) : patientKey(patientID);
}

/** Every key that a person may mean who names a patient by an ID, or by a study's UID where there is none. */
export function patientKeysNamed(name: string): readonly string[] {
  return [patientKey(name), studyKey(name)];
}

const patientKey = (patientID: string): string => `patient ${patientID}`;
const studyKey = (studyInstanceUID: string): string => `study ${studyInstanceUID}`;
