// The images that a model is asked about. The library may hold millions: they go by one at a time, and only those chosen are kept.
import type { CallArguments } from '../../contract/calls.ts';
import { fitsModality, type Model } from '../../contract/model.ts';
import type { Cohorts } from '../cohorts/cohorts.ts';
import type { Library, SelectedInstance } from '../library/library.ts';
import { modelFaults } from './faults.ts';

/** Images, or frames of them, in one run of a model: what is said of each is held until the end. */
export const mostImages = 50_000;

/**
 * Images of the studies, the series or the cohort that were asked for; of studies only those of the model's kind.
 * @throws Fault 211 (no such cohort), 239 (too many)
 */
export function chosenImages(
  model: Model,
  { query, studyInstanceUIDs, seriesInstanceUID, cohort }: Omit<CallArguments<'predict-studies'>, 'id' | 'write'>,
  {
    library,
    cohorts,
  }: { library: Pick<Library, 'selectInstances'>; cohorts: Pick<Cohorts, 'show' | 'sopInstanceUIDs'> },
): { chosen: SelectedInstance[]; passedOver: number } {
  if (cohort !== null) {
    cohorts.show(cohort);
    const wanted = new Set(cohorts.sopInstanceUIDs(cohort));
    const all = library.selectInstances({ query: '', studyInstanceUIDs: null });
    return { chosen: kept(all, ({ sopInstanceUID }) => wanted.has(sopInstanceUID)).chosen, passedOver: 0 };
  }
  if (query === null && studyInstanceUIDs === null && seriesInstanceUID === null) return { chosen: [], passedOver: 0 };
  const found = library.selectInstances({ query: query ?? '', studyInstanceUIDs });
  if (seriesInstanceUID !== null)
    return { chosen: kept(found, (one) => one.seriesInstanceUID === seriesInstanceUID).chosen, passedOver: 0 };
  return kept(found, ({ modality }) => fitsModality(model, modality));
}

/** Counts on beyond what may be kept, so that the refusal tells how many there are. */
function kept(
  found: Iterable<SelectedInstance>,
  isWanted: (instance: SelectedInstance) => boolean,
): { chosen: SelectedInstance[]; passedOver: number } {
  const chosen: SelectedInstance[] = [];
  let wanted = 0;
  let passedOver = 0;
  for (const instance of found) {
    if (!isWanted(instance)) passedOver += 1;
    else {
      wanted += 1;
      if (wanted <= mostImages) chosen.push(instance);
    }
  }
  if (wanted > mostImages) throw modelFaults.tooMany(wanted, mostImages);
  return { chosen, passedOver };
}
