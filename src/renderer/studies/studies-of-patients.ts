// The studies of patients of the tree, by their UIDs.
import type { StudySearchState } from '../../contract/browse.ts';
import type { StationLink } from '../bridge/station-link.ts';

const pageSize = 5_000;

/** Of those that the search finds: those that the tree shows. @throws Fault */
export async function studiesOfPatients(
  station: StationLink,
  { query, filters }: StudySearchState,
  patients: readonly number[],
): Promise<string[]> {
  const uids: string[] = [];
  if (patients.length === 0) return uids;
  for (;;) {
    const { total, studies } = await station.ask('studies', {
      query,
      filters: [...filters, { field: 'patient', patients: [...patients] }],
      limit: pageSize,
      offset: uids.length,
    });
    uids.push(...studies.map(({ studyInstanceUID }) => studyInstanceUID));
    if (studies.length === 0 || uids.length >= total) return uids;
  }
}
