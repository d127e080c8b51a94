// privacy: what training with noise has cost the images of this site, and the budget for it.
import { Command } from 'commander';
import { contextOf } from '../context.ts';
import { positiveNumber } from '../options.ts';
import { table } from '../output.ts';

export function privacyCommand(): Command {
  const privacy = new Command('privacy').description(
    'what training with differential privacy has cost, and its budget',
  );
  privacy
    .command('show')
    .description('ε spent per cohort for one image, over all runs and projects in which its patients were')
    .action(async (_options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const report = await withStation((station) => station.call('privacy-report', {}));
      output.result(report, () => {
        const rows = report.cohorts.flatMap(({ cohort, epsilon, mostImages, costs }) => [
          [
            cohort,
            `${epsilon.toFixed(3)}${epsilon > report.budget.epsilon ? ', over the budget' : ''}`,
            patientText(epsilon, mostImages),
          ],
          ...costs.map(({ network, kind, steps, epsilon, isOpen }) => [
            '',
            epsilon.toFixed(3),
            `${network} (${kind}), ${steps} steps${isOpen ? ', under way' : ''}`,
          ]),
        ]);
        const { epsilon, delta } = report.budget;
        return `${table(['cohort', 'ε per image', 'patient, or training'], rows)}\nBudget: ε = ${epsilon} at δ = ${delta} for any one image; a patient with k images has about k times that.`;
      });
    });
  privacy
    .command('budget')
    .description('show the most that any one image may cost, or set it by both options')
    .option('--epsilon <number>', 'ε over all trainings', positiveNumber)
    .option('--delta <probability>', 'δ over all trainings', positiveNumber)
    .action(async ({ epsilon, delta }: { epsilon?: number; delta?: number }, command: Command) => {
      if ((epsilon === undefined) !== (delta === undefined))
        command.error('error: a budget is set by --epsilon and --delta together');
      const { output, withStation } = contextOf(command);
      const budget = await withStation(async (station) =>
        epsilon === undefined || delta === undefined
          ? (await station.call('privacy-report', {})).budget
          : station.call('set-privacy-budget', { epsilon, delta }),
      );
      output.result(budget, () => `The budget is ε = ${budget.epsilon} at δ = ${budget.delta}.`);
    });
  return privacy;
}

function patientText(epsilon: number, mostImages: number): string {
  if (mostImages <= 1 || epsilon === 0) return '';
  return `a patient has up to ${mostImages} images: up to about ${(epsilon * mostImages).toFixed(1)} for the patient`;
}
