// The parts of the study browser over one index.
import type { Distributions } from '../../../contract/browse.ts';
import type { Db } from '../database.ts';
import { distributionsReader } from './distributions.ts';
import type { StudySearch } from './filter-sources.ts';
import { type PatientReader, patientReader } from './patients.ts';
import { type SavedSearches, savedSearches } from './saved-searches.ts';
import type { StudyLists } from './study-lists.ts';

export interface Browse {
  patients: PatientReader['patients'];
  distributions(search: StudySearch): Distributions;
  /** How many studies a search finds. */
  count(search: StudySearch): number;
  readonly searches: SavedSearches;
}

export function openBrowse(db: Db, lists: StudyLists): Browse {
  const reader = patientReader(db, lists);
  return {
    patients: (query) => reader.patients(query),
    distributions: distributionsReader(db, lists, ({ query, filters = [] }) =>
      reader.count({ query, filters: [...filters] }),
    ),
    count: (search) => lists.list({ ...search, sortBy: 'studyDate' }).length,
    searches: savedSearches(db),
  };
}
