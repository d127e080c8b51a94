// Faults of the site's privacy budget: codes 690–694.
import { Fault } from '../../contract/fault.ts';
import type { PrivacyBudget } from '../../contract/privacy.ts';

export const budgetFault = {
  /** @param spent ε of one image of the patient who was trained on most; a training with much noise may still be within what is left */
  cohortSpent: (cohort: string, spent: number, budget: number) =>
    new Fault({
      code: 690,
      message:
        spent === 0
          ? `Not one step of this training is within the privacy budget of “${cohort}” (ε = ${budget}), of which nothing is spent: it has too little noise. Use more noise, or a smaller ε, which takes more.`
          : `The privacy budget of “${cohort}” leaves no step of this training: one image of the patient who was trained on most has cost ε = ${spent.toFixed(2)}, and at most ${budget} is allowed. More noise, or a smaller ε, which takes more, may still be within it; else use other patients, or the data manager may raise the site's budget.`,
      retry: 'never',
    }),
  /** @param epsilon what this training alone may cost */
  noStepWithin: (epsilon: number) =>
    new Fault({
      code: 694,
      message: `Not one step of this training costs less than ε = ${epsilon}, which is all that it may cost: it has too little noise for that. Use more noise, or allow it a larger ε. Nothing was spent.`,
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
  /** @param source the ε of the project, or the site's budget: which of the two leaves no more */
  noFurtherUpdate: (
    cohort: string,
    { needed, left }: { needed: number; left: number },
    source: number | PrivacyBudget,
  ) => {
    const isProjects = typeof source === 'number';
    const what = isProjects
      ? `the project's ε of ${source} leaves`
      : `the site's budget (ε = ${source.epsilon} at δ = ${source.delta} for one image, over all trainings) leaves`;
    const advice = isProjects
      ? 'The coordinator may propose a project with more noise or a larger ε.'
      : "The data manager may raise the site's budget (`imagiq privacy budget`).";
    return new Fault({
      code: 693,
      message: `No update can be trained here: one takes ${needed} steps, and ${what} ${Math.max(0, left)} on the images of “${cohort}”. Nothing more is spent; updates that were sent count, and the shared model still comes. ${advice}`,
      retry: 'never',
    });
  },
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

/** Whether a training was refused because no more may be spent on its patients. */
export function isBudgetSpent(error: unknown): error is Fault {
  return error instanceof Fault && (error.code === 690 || error.code === 693);
}
