// The contract's calls about privacy, answered.
import type { Answers } from '../../contract/calls.ts';
import type { privacyCalls } from '../../contract/privacy.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import type { Cohorts } from '../cohorts/cohorts.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { noiseMultiplierFor } from './accountant.ts';
import type { PrivacyLedger } from './privacy-ledger.ts';

/** δ where none is chosen. */
const largestDelta = 1e-5;

export function privacyAnswers({
  cohorts,
  privacy,
  ledger,
}: {
  readonly cohorts: Cohorts;
  readonly privacy: PrivacyLedger;
  readonly ledger: Ledger;
}): Answers<keyof typeof privacyCalls> {
  return {
    'privacy-report': () => ({
      budget: privacy.budget,
      cohorts: cohorts.list().map(({ name }) => ({ cohort: name, ...privacy.spent(cohorts.trainingPatients(name)) })),
    }),
    'set-privacy-budget': (budget) => {
      privacy.setBudget(budget);
      ledger.append('privacy-budget', { ...budget });
      return privacy.budget;
    },
    'privacy-settings': ({ cohort, epsilon, delta, clipNorm, hyperParameters }) => {
      const { epochs, batchSize } = hyperParametersSchema.parse(hyperParameters);
      const images = Math.max(1, cohorts.show(cohort).split.train?.instances ?? 0);
      const steps = epochs * Math.ceil(images / batchSize);
      const sampleRate = Math.min(1, batchSize / images);
      const chosenDelta = delta ?? Math.min(largestDelta, 0.1 / images);
      const noiseMultiplier = noiseMultiplierFor(epsilon, { sampleRate, steps }, chosenDelta);
      return { privacy: { noiseMultiplier, clipNorm, delta: chosenDelta, maxEpsilon: epsilon }, sampleRate, steps };
    },
  };
}
