// Training runs in the ledger: started, resumed, paused, and how they ended.
import type { Run } from '../../contract/calls.ts';
import type { Ledger } from '../../ledger/ledger.ts';

interface RunActs {
  /** @throws Fault 641: a run that cannot be entered does not begin. */
  started(run: Run): void;
  /** Enters a state that is new. Never throws: what happened to a run cannot be undone where the disk is full. */
  changed(run: Run): void;
}

const actOf: Readonly<Record<Run['state'], string>> = {
  running: 'run-resumed',
  paused: 'run-paused',
  done: 'run-finished',
  stopped: 'run-stopped',
  failed: 'run-failed',
};

export function runActs(ledger: Pick<Ledger, 'append'>): RunActs {
  const states = new Map<string, Run['state']>();
  return {
    started(run) {
      const { id, cohort, network, hyperParameters, seed } = run;
      const epsilon = hyperParameters?.privacy?.maxEpsilon ?? null;
      ledger.append('run-started', {
        run: id,
        cohort,
        network,
        epochs: hyperParameters?.epochs ?? null,
        seed,
        epsilon,
      });
      states.set(id, 'running');
    },
    changed({ id, cohort, state, outcome, progress, fault }) {
      if (states.get(id) === state) return;
      states.set(id, state);
      const steps = outcome?.steps ?? progress?.step ?? 0;
      try {
        ledger.append(actOf[state], { run: id, cohort, steps, reason: fault === null ? null : `fault ${fault.code}` });
      } catch {
        // The run's own record tells it.
      }
    },
  };
}
