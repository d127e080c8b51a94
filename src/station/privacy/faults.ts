// Faults of the site's privacy budget: codes 690–694.
import { Fault } from '../../contract/fault.ts';
import type { PrivacyBudget } from '../../contract/privacy.ts';

export const budgetFault = {
  cohortSpent: (cohort: string, spent: number, budget: number) =>
    new Fault({
      code: 690,
      message: `The privacy budget of “${cohort}” is spent: one image of the patient who was trained on most has cost ε = ${spent.toFixed(2)}, and at most ${budget} is allowed: no step of this training is within that. The data manager may raise the site's budget; otherwise use more noise or other patients.`,
      retry: 'never',
    }),
  wouldBeCut: (
    cohort: string,
    { planned, left }: { planned: number; left: number },
    { epsilon, delta }: PrivacyBudget,
  ) =>
    new Fault({
      code: 692,
      message: `This training would make ${planned} steps, and the site's budget (ε = ${epsilon} at δ = ${delta} for one image, over all trainings) leaves ${left} of them on the images of “${cohort}”. Nothing was spent. Choose a smaller ε, fewer epochs or more noise; or the data manager may raise the site's budget.`,
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
