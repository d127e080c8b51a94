// Faults of the site's privacy budget: codes 690–694.
import { Fault } from '../../contract/fault.ts';

export const budgetFault = {
  cohortSpent: (cohort: string, spent: number, budget: number) =>
    new Fault({
      code: 690,
      message: `The privacy budget of “${cohort}” is spent: one image of the patient who was trained on most has cost ε = ${spent.toFixed(2)}, and at most ${budget} is allowed: no step of this training is within that. The data manager may raise the site's budget; otherwise use more noise or other patients.`,
      retry: 'never',
    }),
  ledgerUnreadable: (cause: unknown) =>
    new Fault(
      {
        code: 691,
        message:
          'The privacy ledger (privacy-ledger.json) cannot be read, so nobody can say what was spent: nothing is trained with a privacy promise. Put its last backup back in the home folder.',
        retry: 'never',
      },
      cause,
    ),
} as const;
