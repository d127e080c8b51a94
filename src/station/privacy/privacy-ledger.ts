// What every training with a privacy promise has cost this site's patients, over runs, cohorts and projects: one file in
// the home folder. Divergences of trainings on the same patient's images add up; a patient in two cohorts is charged for
// both. Patients are the site's own pseudonyms, which leave it as little as the images do.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import {
  type PrivacyBudget,
  privacyBudgetSchema,
  type PrivacyCost,
  privacyCostSchema,
} from '../../contract/privacy.ts';
import type { Fault } from '../../contract/fault.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import { composedLoss, stepsWithin } from './accountant.ts';
import { budgetFault } from './faults.ts';

const entrySchema = privacyCostSchema.omit({ epsilon: true }).extend({
  /** SHA-256 of the cohort version: names the patients. */
  cohortHash: z.string(),
  /** Where the trainer counts the steps of an open entry. */
  runFolder: z.string().nullable(),
});
type Entry = z.infer<typeof entrySchema>;

const fileSchema = z.object({
  version: z.literal(1),
  budget: privacyBudgetSchema,
  /** Patients of each cohort version's training split. */
  patients: z.record(z.string(), z.array(z.string())),
  entries: z.array(entrySchema),
});

const defaultBudget: PrivacyBudget = { epsilon: 8, delta: 1e-5 };

/** Patients who share a history of trainings. */
interface Group {
  readonly history: readonly Entry[];
}

export interface PlannedTraining {
  /** The same id again takes up what was settled under it. */
  readonly id: string;
  readonly kind: PrivacyCost['kind'];
  readonly cohort: string;
  readonly cohortHash: string;
  /** Pseudonyms of those whose images are trained on. */
  readonly patients: readonly string[];
  readonly network: string;
  readonly sampleRate: number;
  readonly noiseMultiplier: number;
  /** Further steps that it would like to make. */
  readonly steps: number;
  readonly runFolder: string | null;
}

export interface PrivacyLedger {
  readonly budget: PrivacyBudget;
  setBudget(budget: PrivacyBudget): void;
  /**
   * Charges the steps before they are made: after a crash nothing is missing. Fewer where the budget ends sooner.
   * @returns the steps granted, on top of those settled under this id.
   * @throws Fault 690 when not one more is allowed.
   */
  reserve(training: PlannedTraining): number;
  /** Steps that the budget leaves a training that has made none. @throws Fault 690 when it is none. */
  stepsLeft(training: Pick<PlannedTraining, 'cohort' | 'patients' | 'sampleRate' | 'noiseMultiplier'>): number;
  /** Says how many of the granted steps were made, since the reservation. */
  settle(id: string, steps: number): void;
  /** Steps under this id that were settled. */
  settledSteps(id: string): number;
  /** ε of one image of these patients: of the patient who was charged most. One with k images has about k times as much. */
  spent(patients: readonly string[]): { readonly epsilon: number; readonly costs: PrivacyCost[] };
}

/**
 * Opens the ledger of the home folder; entries that a crash left open are settled by the trainer's own count. One that
 * cannot be read refuses everything with fault 691: the rest of the station works on.
 * @param countOf what the trainer has counted in a run folder, null where nothing was begun
 */
export function openPrivacyLedger(folder: string, countOf: (runFolder: string) => number | null): PrivacyLedger {
  try {
    return readableLedger(folder, countOf);
  } catch (fault) {
    const refuse = (): never => {
      throw fault;
    };
    return {
      get budget() {
        return refuse();
      },
      setBudget: refuse,
      reserve: refuse,
      stepsLeft: refuse,
      settle: refuse,
      settledSteps: refuse,
      spent: refuse,
    };
  }
}

/** @throws Fault 691 */
function readableLedger(folder: string, countOf: (runFolder: string) => number | null): PrivacyLedger {
  const file = path.join(folder, 'privacy-ledger.json');
  const state = readState(file);
  const settledBefore = new Map<string, number>();
  const write = (): void => writeFileDurably(file, JSON.stringify(state));
  const sets = new Map(Object.entries(state.patients).map(([hash, patients]) => [hash, new Set(patients)]));

  const groupsOf = (patients: readonly string[], without: Entry | undefined): Group[] => {
    const groups = new Map<string, Group>();
    for (const patient of patients) {
      const history = state.entries.filter(
        (entry) => entry !== without && sets.get(entry.cohortHash)?.has(patient) === true,
      );
      groups.set(history.map((entry) => state.entries.indexOf(entry)).join(), { history });
    }
    return [...groups.values()];
  };

  /** Steps in all that the budget of the patient who has least left allows, beside all entries but `without`. */
  const mostSteps = (
    { patients, sampleRate, noiseMultiplier }: Parameters<PrivacyLedger['stepsLeft']>[0],
    without: Entry | undefined,
  ): number =>
    groupsOf(patients, without).reduce(
      (most, { history }) =>
        Math.min(most, stepsWithin(state.budget.epsilon, { sampleRate, noiseMultiplier }, state.budget.delta, history)),
      Infinity,
    );

  const costliest = (groups: readonly Group[]): number =>
    groups.reduce((most, { history }) => Math.max(most, composedLoss(history, state.budget.delta).epsilon), 0);

  const spentFault = ({ cohort, patients }: Pick<PlannedTraining, 'cohort' | 'patients'>): Fault =>
    budgetFault.cohortSpent(cohort, costliest(groupsOf(patients, undefined)), state.budget.epsilon);

  for (const entry of state.entries) {
    if (!entry.isOpen) continue;
    // What cannot be read stays charged in full.
    const counted = entry.runFolder === null ? null : safely(() => countOf(entry.runFolder!));
    if (counted !== null && counted.value !== null) entry.steps = Math.min(entry.steps, counted.value);
    entry.isOpen = false;
  }

  return {
    get budget() {
      return state.budget;
    },
    setBudget(budget) {
      state.budget = budget;
      write();
    },
    reserve(training) {
      const { id, cohort, cohortHash, patients, steps, ...rest } = training;
      const { sampleRate, noiseMultiplier } = rest;
      const own = state.entries.find(
        (entry) =>
          entry.id === id &&
          entry.cohortHash === cohortHash &&
          entry.sampleRate === sampleRate &&
          entry.noiseMultiplier === noiseMultiplier,
      );
      const settled = own?.steps ?? 0;
      const most = Math.min(settled + steps, mostSteps(training, own));
      if (most <= settled) throw spentFault(training);
      state.patients[cohortHash] ??= [...patients];
      sets.set(cohortHash, new Set(state.patients[cohortHash]));
      const entry: Entry = {
        ...rest,
        id,
        cohort,
        cohortHash,
        steps: most,
        isOpen: true,
        startedAt: own?.startedAt ?? new Date().toISOString(),
      };
      state.entries = [...state.entries.filter((other) => other !== own), entry];
      settledBefore.set(id, settled);
      write();
      return most - settled;
    },
    stepsLeft(training) {
      const left = mostSteps(training, undefined);
      if (left === 0) throw spentFault(training);
      return left;
    },
    settle(id, steps) {
      const entry = state.entries.find((one) => one.id === id && one.isOpen);
      if (entry === undefined) return;
      entry.steps = (settledBefore.get(id) ?? 0) + steps;
      entry.isOpen = false;
      if (entry.steps === 0) state.entries = state.entries.filter((other) => other !== entry);
      write();
    },
    settledSteps: (id) => state.entries.reduce((total, entry) => total + (entry.id === id ? entry.steps : 0), 0),
    spent(patients) {
      const { delta } = state.budget;
      const groups = groupsOf(patients, undefined);
      const epsilon = costliest(groups);
      const costs = [...new Set(groups.flatMap(({ history }) => history))].map((entry) => ({
        ...privacyCostSchema.omit({ epsilon: true }).parse(entry),
        epsilon: composedLoss([entry], delta).epsilon,
      }));
      return { epsilon, costs: costs.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1)) };
    },
  };
}

function readState(file: string): z.infer<typeof fileSchema> {
  if (!existsSync(file)) return { version: 1, budget: defaultBudget, patients: {}, entries: [] };
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw budgetFault.ledgerUnreadable(error);
  }
}

function safely<Value>(read: () => Value): { readonly value: Value } | null {
  try {
    return { value: read() };
  } catch {
    return null;
  }
}
