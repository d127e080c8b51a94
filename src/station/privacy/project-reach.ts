// How far a privacy promise lets a site go in a project: as the project's own ε and the site's budget over all trainings leave it. A
// data manager reads it before the project is approved; the training itself is held to the same figures (private-training.ts).
import type { Project } from '../../contract/federation.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import { stepsWithin } from './accountant.ts';
import { budgetFault } from './faults.ts';
import type { PrivacyLedger } from './privacy-ledger.ts';
import { plannedSteps } from './private-training.ts';

export interface ProjectReach {
  /** Updates that can be made whole; the project may end before. */
  readonly updates: number;
  readonly sentence: string;
}

/**
 * @param id of the project in the ledger
 * @param aloneEpochs of the model on the site's images alone, which is charged to the project too; 0 without
 * @returns null of a project without a promise
 * @throws Fault 690 when the site's budget of these patients is spent, 693 when it, or the project's ε, is not enough for an update
 */
export function projectReach(
  ledger: PrivacyLedger,
  {
    project,
    id,
    cohort,
    patients,
    images,
    aloneEpochs,
  }: {
    readonly project: Project;
    readonly id: string;
    readonly cohort: string;
    readonly patients: readonly string[];
    readonly images: number;
    readonly aloneEpochs: number;
  },
): ProjectReach | null {
  const hyperParameters = hyperParametersSchema.parse(project.hyperParameters);
  const { privacy, epochs } = hyperParameters;
  if (privacy === null) return null;
  const { noiseMultiplier, maxEpsilon, delta } = privacy;
  const { sampleRate, steps } = plannedSteps(hyperParameters, images);
  const byProject = stepsWithin(maxEpsilon, { sampleRate, noiseMultiplier }, delta) - ledger.settledSteps(id);
  const bySite = ledger.stepsLeft({ cohort, patients, sampleRate, noiseMultiplier });
  const left = Math.min(byProject, bySite);
  if (left < steps)
    throw budgetFault.noFurtherUpdate(cohort, { needed: steps, left }, byProject < bySite ? maxEpsilon : ledger.budget);
  const alone = (aloneEpochs * steps) / epochs;
  const updates = Math.max(1, Math.floor((left - alone) / steps));
  const { commits, mode } = project;
  const whole = `${commits} ${mode.kind === 'trunk' ? 'commits' : 'turns'}`;
  const source =
    byProject < bySite
      ? `the project's ε of ${maxEpsilon}`
      : `this site's budget (ε ${ledger.budget.epsilon} at δ ${ledger.budget.delta} for one image, over all trainings)`;
  const sentence =
    updates >= commits
      ? `Privacy: ${source} is enough for all of this site's part with “${cohort}”: ${updates} updates, where the project ends after ${whole}.`
      : `Privacy: with “${cohort}”, ${source} is enough for ${updates} ${updates === 1 ? 'update' : 'updates'} of this site, and the project ends after ${whole}. Then nothing is trained here for it any more: what was sent counts, and the shared model still comes.`;
  return { updates, sentence };
}
