// A cohort that is not there is told before anything is waited for, or an invite is spent.
import { cohortFaults } from '../station/cohorts/faults.ts';
import type { StationLink } from './station-link.ts';

/** @throws Fault 211 where this station has no such cohort. */
export async function knownCohort(station: StationLink, name: string): Promise<void> {
  const { cohorts } = await station.call('cohorts', {});
  if (!cohorts.some((cohort) => cohort.name === name)) throw cohortFaults.unknownCohort(name);
}
