// Charges a training to the patients whose images it sees: before it starts what it may spend, afterwards what it has.
import type { HyperParameters } from '../../contract/training.ts';
import { recordedSteps } from '../../trainer/client.ts';
import { readSplit } from '../cohorts/read-split.ts';
import { stepsWithin } from './accountant.ts';
import { budgetFault } from './faults.ts';
import type { PlannedTraining, PrivacyLedger } from './privacy-ledger.ts';

/** Steps that crashes may make again: each costs at most ten. */
const spareSteps = 50;

export interface TrainingRequest extends Pick<
  PlannedTraining,
  'id' | 'kind' | 'cohort' | 'cohortHash' | 'patients' | 'network'
> {
  readonly hyperParameters: HyperParameters;
  readonly datasetFile: string;
  readonly runFolder: string;
  /** An update of a project is made to its end or not begun: the site was told how many there can be. */
  readonly isWhole?: boolean;
}

/** Steps of all its epochs, and how probably an image is in each. */
export function plannedSteps(
  { batchSize, epochs }: HyperParameters,
  images: number,
): { sampleRate: number; steps: number } {
  return { sampleRate: Math.min(1, batchSize / Math.max(1, images)), steps: epochs * Math.ceil(images / batchSize) };
}

/**
 * Refuses a training that the site's budget would end before it has made its epochs, or spent the ε that it was given.
 * @throws Fault 690 when the budget of these patients leaves no step, 694 when its own ε leaves none, 692 when it would cut the training short.
 */
export function checkBudget(
  ledger: PrivacyLedger,
  training: Pick<PlannedTraining, 'cohort' | 'patients'>,
  { hyperParameters, images }: { readonly hyperParameters: HyperParameters; readonly images: number },
): void {
  const { privacy } = hyperParameters;
  if (privacy === null) return;
  const { noiseMultiplier, maxEpsilon, delta } = privacy;
  const { sampleRate, steps } = plannedSteps(hyperParameters, images);
  const planned = Math.min(steps, stepsWithin(maxEpsilon, { sampleRate, noiseMultiplier }, delta));
  if (planned === 0) throw budgetFault.noStepWithin(maxEpsilon);
  const left = ledger.stepsLeft({ ...training, sampleRate, noiseMultiplier });
  if (left < planned) throw budgetFault.wouldBeCut(training.cohort, { planned, left }, ledger.budget);
}

/**
 * Does `work` with the steps that the budget allows it (null without a privacy promise), and charges those it made. A
 * project's id is the same in every round: its own ε counts over all of them.
 * @throws Fault 690 when the budget of these patients leaves no step, 694 when its own ε leaves none, 693 when it is not enough for what is to be whole.
 */
export async function chargedTraining<Value>(
  ledger: PrivacyLedger,
  request: TrainingRequest,
  work: (mostPrivateSteps: number | null) => Promise<Value>,
): Promise<Value> {
  const { hyperParameters, datasetFile, runFolder, isWhole = false, ...training } = request;
  const { privacy } = hyperParameters;
  if (privacy === null) return work(null);
  const { noiseMultiplier, maxEpsilon, delta } = privacy;
  const images = readSplit(datasetFile, 'train').patients.length;
  const { sampleRate, steps } = plannedSteps(hyperParameters, images);
  const done = recordedSteps(runFolder) ?? 0;
  const wanted = steps + spareSteps;
  const settled = ledger.settledSteps(training.id);
  const left = stepsWithin(maxEpsilon, { sampleRate, noiseMultiplier }, delta) - settled;
  if (isWhole) {
    const needed = Math.max(1, steps - done);
    const bySite = ledger.stepsLeft({ ...training, sampleRate, noiseMultiplier });
    const of = left < bySite ? maxEpsilon : ledger.budget;
    if (Math.min(left, bySite) < needed)
      throw budgetFault.noFurtherUpdate(training.cohort, { needed, left: Math.min(left, bySite) }, of);
  }
  if (left <= 0 && settled === 0) throw budgetFault.noStepWithin(maxEpsilon);
  if (left <= 0) throw budgetFault.cohortSpent(training.cohort, ledger.spent(training.patients).epsilon, maxEpsilon);
  const granted = ledger.reserve({
    ...training,
    sampleRate,
    noiseMultiplier,
    steps: Math.min(left, Math.max(1, wanted - done)),
    // A project's folder changes from round to round, and its count begins again: a crash leaves it charged in full.
    runFolder: training.kind === 'run' ? runFolder : null,
  });
  try {
    return await work(done + granted);
  } finally {
    // A count that cannot be read leaves everything charged that was granted.
    const counted = countOrNull(runFolder);
    ledger.settle(training.id, counted === null ? granted : Math.max(0, counted - done));
  }
}

function countOrNull(runFolder: string): number | null {
  try {
    return recordedSteps(runFolder) ?? 0;
  } catch {
    return null;
  }
}
