// The contract's calls about studies that leave the library, answered: what uses them is looked at in cohorts, runs and federations.
import type { Answers } from '../contract/calls.ts';
import { faultValueOf } from '../contract/fault.ts';
import type { Membership } from '../contract/federation.ts';
import type { RemovalPlan, RemovalRequest, removalCalls } from '../contract/removal.ts';
import { libraryFaults } from './library/faults.ts';
import type { Station } from './open-station.ts';

/** A membership that trains no more. */
const ended: ReadonlySet<Membership['state']> = new Set(['finished', 'left', 'refused']);

/** `going`: cohorts whose images are being removed, from the last look at what trains on them: nothing may begin to meanwhile. */
export function removalAnswers(
  station: Pick<Station, 'library' | 'cohorts' | 'runs' | 'site' | 'ledger' | 'onEvent'>,
  going: Set<string> = new Set(),
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

  /** Never throws: what ended the removal is what the person is to hear. */
  function enterFailure(code: number): void {
    try {
      ledger.append('studies-removal-failed', { reason: `fault ${code}` });
    } catch {
      // That it was begun is entered.
    }
  }

  async function plan(request: RemovalRequest): Promise<RemovalPlan> {
    const { counts, measurements, labels, unknown, has } = await library.planRemoval(request);
    const used = counts.instances === 0 ? [] : await cohorts.using(has);
    const usedBy = usersOf(new Set(used.map(({ name }) => name)));
    return { ...counts, measurements, labels, unknown: [...unknown], cohorts: used, usedBy };
  }

  return {
    'plan-removal': plan,
    'remove-studies': async (request, signal = new AbortController().signal) => {
      const { studies, series, instances, copies, unknown, cohorts: used, usedBy } = await plan(request);
      if (series === 0) throw libraryFaults.nothingToRemove(unknown.slice(0, 3).join(', '));
      if (usedBy.length > 0) throw libraryFaults.removalInUse(usedBy);
      // Before anything goes: a station that is killed meanwhile has told what it was about to do. Which they are is what is to be gone.
      ledger.append('studies-removal-begun', { studies, series, instances, copies });
      // Nothing was waited for since the plan looked at what trains.
      // Another removal, by which this one is refused, holds its own until it ends.
      const names = used.map(({ name }) => name).filter((name) => !going.has(name));
      for (const name of names) going.add(name);
      try {
        const gone = await library.remove(request, {
          signal,
          onProgress: (progress) => station.onEvent('removal-progress', progress),
        });
        const { studies: whole, series: seriesGone, instances: images, copies: files } = gone;
        ledger.append('studies-removed', { studies: whole, series: seriesGone, instances: images, copies: files });
        return { ...gone, cancelled: seriesGone < series };
      } catch (error) {
        enterFailure(faultValueOf(error).code);
        throw error;
      } finally {
        for (const name of names) going.delete(name);
        station.onEvent('library-changed', {});
      }
    },
  };
}
