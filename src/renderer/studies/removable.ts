// What a row of the studies stands for when it is to be removed: a patient, a study or a series.
import type { StationLink } from '../bridge/station-link.ts';
import { dicomDate, personName } from '../ui/format.ts';
import type { TreeRow } from './patient-tree.svelte.ts';
import { studiesOfPatients } from './studies-of-patients.ts';
import type { StudyList } from './studies.svelte.ts';
import type { RemovalChoice } from './study-removal.svelte.ts';

/** Null where there is no row, or its patient is not read yet. @throws Fault */
export async function removable(
  station: StationLink,
  list: Pick<StudyList, 'search'>,
  row: TreeRow | null,
): Promise<RemovalChoice | null> {
  if (row === null || (row.kind === 'patient' && row.patient === null)) return null;
  if (row.kind === 'patient') {
    const { patient, patientName, patientID } = row.patient!;
    return {
      uids: await studiesOfPatients(station, list.search, [patient]),
      name: joined([personName(patientName), patientID]),
    };
  }
  const { studyInstanceUID, patientName, studyDate, description } = row.study;
  const study = [personName(patientName), dicomDate(studyDate), description];
  if (row.kind === 'study') return { uids: [studyInstanceUID], name: joined(study) };
  const { seriesInstanceUID, modality, description: series } = row.series;
  return { uids: [seriesInstanceUID], name: joined([...study, modality, series]) };
}

const joined = (parts: readonly string[]): string => parts.filter((part) => part !== '' && part !== '–').join(' · ');
