// What a row of the studies stands for when it is to be removed: a patient, a study or a series.
import type { StationLink } from '../bridge/station-link.ts';
import { dicomDate, personName } from '../ui/format.ts';
import type { TreeRow } from './patient-tree.svelte.ts';
import type { StudyList } from './studies.svelte.ts';
import type { RemovalChoice } from './study-removal.svelte.ts';

const pageSize = 5_000;

/** Null where there is no row, or its patient is not read yet. @throws Fault */
export async function removable(
  station: StationLink,
  list: Pick<StudyList, 'search'>,
  row: TreeRow | null,
): Promise<RemovalChoice | null> {
  if (row === null || (row.kind === 'patient' && row.patient === null)) return null;
  if (row.kind === 'patient') {
    const { patient, patientName, patientID } = row.patient!;
    return { uids: await studiesOf(station, list, patient), name: joined([personName(patientName), patientID]) };
  }
  const { studyInstanceUID, patientName, studyDate, description } = row.study;
  const study = [personName(patientName), dicomDate(studyDate), description];
  if (row.kind === 'study') return { uids: [studyInstanceUID], name: joined(study) };
  const { seriesInstanceUID, modality, description: series } = row.series;
  return { uids: [seriesInstanceUID], name: joined([...study, modality, series]) };
}

const joined = (parts: readonly string[]): string => parts.filter((part) => part !== '' && part !== '–').join(' · ');

/** A patient's studies among those that the search finds: those that the tree shows. */
async function studiesOf(
  station: StationLink,
  { search }: Pick<StudyList, 'search'>,
  patient: number,
): Promise<string[]> {
  const { query, filters } = search;
  const uids: string[] = [];
  for (;;) {
    const { total, studies } = await station.ask('studies', {
      query,
      filters: [...filters, { field: 'patient', patient }],
      limit: pageSize,
      offset: uids.length,
    });
    uids.push(...studies.map(({ studyInstanceUID }) => studyInstanceUID));
    if (studies.length === 0 || uids.length >= total) return uids;
  }
}
