// The contract's calls about studies that leave the library, answered: what uses them is looked at in cohorts, runs and federations.
import type { Answers } from '../contract/calls.ts';
import type { Membership } from '../contract/federation.ts';
import type { RemovalPlan, RemovalRequest, removalCalls } from '../contract/removal.ts';
import { libraryFaults } from './library/faults.ts';
import type { Station } from './open-station.ts';

/** A membership that trains no more. */
const ended: ReadonlySet<Membership['state']> = new Set(['finished', 'left', 'refused']);

export function removalAnswers(
  station: Pick<Station, 'library' | 'cohorts' | 'runs' | 'site' | 'ledger' | 'onEvent'>,
): Answers<keyof typeof removalCalls> {
  const { library, cohorts, runs, site, ledger } = station;

  /** Training that may still read the images of one of these cohorts. */
  function usersOf(names: ReadonlySet<string>): string[] {
    return [
      ...runs
        .list()
        .filter(({ state, cohort }) => (state === 'running' || state === 'paused') && names.has(cohort))
        .map(({ id, state, cohort }) => `training run ${id} on cohort “${cohort}” is ${state}`),
      ...site
        .memberships()
        .filter(({ state, answer }) => !ended.has(state) && answer?.answer !== 'declined')
        .filter(({ cohort }) => cohort !== null && names.has(cohort))
        .map(({ federation, cohort }) => `federation ${federation} trains on cohort “${cohort}”`),
    ];
  }

  async function plan(request: RemovalRequest): Promise<RemovalPlan> {
    const { counts, measurements, labels, unknown, has } = await library.planRemoval(request);
    const used = counts.instances === 0 ? [] : cohorts.using(has);
    const usedBy = usersOf(new Set(used.map(({ name }) => name)));
    return { ...counts, measurements, labels, unknown: [...unknown], cohorts: used, usedBy };
  }

  return {
    'plan-removal': plan,
    'remove-studies': async (request, signal = new AbortController().signal) => {
      const { series, unknown, usedBy } = await plan(request);
      if (series === 0) throw libraryFaults.nothingToRemove(unknown.slice(0, 3).join(', '));
      if (usedBy.length > 0) throw libraryFaults.removalInUse(usedBy);
      try {
        const gone = await library.remove(request, {
          signal,
          onProgress: (progress) => station.onEvent('removal-progress', progress),
        });
        const { studies, instances, copies } = gone;
        // Which they were is what is to be gone.
        ledger.append('studies-removed', { studies, series: gone.series, instances, copies });
        return { ...gone, cancelled: gone.series < series };
      } finally {
        station.onEvent('library-changed', {});
      }
    },
  };
}
