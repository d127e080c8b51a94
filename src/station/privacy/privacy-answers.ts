// The contract's calls about privacy, answered.
import type { Answers } from '../../contract/calls.ts';
import type { privacyCalls } from '../../contract/privacy.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import type { Station } from '../open-station.ts';
import { reachOf } from '../site-work.ts';
import { checkDelta, noiseMultiplierFor } from './accountant.ts';
import { leakProbeAnswer } from './leak-probe-answer.ts';

/** δ where none is chosen. */
const largestDelta = 1e-5;

export function privacyAnswers(station: Station): Answers<keyof typeof privacyCalls> {
  const { cohorts, privacy, ledger, site } = station;
  return {
    'privacy-report': () => ({
      budget: privacy.budget,
      cohorts: cohorts.list().map(({ name }) => ({
        cohort: name,
        ...privacy.spent(cohorts.trainingPatients(name)),
        mostImages: cohorts.mostTrainingImages(name),
      })),
    }),
    'set-privacy-budget': (budget) => {
      privacy.setBudget(budget);
      ledger.append('privacy-budget', { ...budget });
      site.lookAgain();
      return privacy.budget;
    },
    'project-privacy': ({ federation, cohort }) => {
      const membership = site.memberships().find((one) => one.federation === federation);
      if (membership?.project == null || membership.role === 'observer') return { sentence: null };
      return { sentence: reachOf(station, membership.project, cohort)?.sentence ?? null };
    },
    'leak-probe': (request, signal) => leakProbeAnswer(station, request, signal),
    'kept-leak-probe': ({ federation }) => ({
      finding: site.memberships().find((one) => one.federation === federation)?.leakProbe ?? null,
      pictures: station.leakPictures.of(federation),
    }),
    'accept-leak': ({ federation, isBeforehand }) => site.acceptLeak(federation, isBeforehand),
    'probe-again': ({ federation }) => site.probeAgain(federation),
    'privacy-settings': ({ cohort, epsilon, delta, clipNorm, hyperParameters }) => {
      const { epochs, batchSize } = hyperParametersSchema.parse(hyperParameters);
      const images = Math.max(1, cohorts.show(cohort).split.train?.instances ?? 0);
      const steps = epochs * Math.ceil(images / batchSize);
      const sampleRate = Math.min(1, batchSize / images);
      const chosenDelta = delta ?? Math.min(largestDelta, 0.1 / images);
      checkDelta(chosenDelta, images);
      const noiseMultiplier = noiseMultiplierFor(epsilon, { sampleRate, steps }, chosenDelta);
      return { privacy: { noiseMultiplier, clipNorm, delta: chosenDelta, maxEpsilon: epsilon }, sampleRate, steps };
    },
  };
}
