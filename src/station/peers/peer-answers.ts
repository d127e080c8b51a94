// The calls about the bench between peers, answered: the models of this station meet the federation's.
import { readFileSync } from 'node:fs';
import type { Answers } from '../../contract/calls.ts';
import type { peerCalls } from '../../contract/peers.ts';
import { modelFaults } from '../models/faults.ts';
import type { Station } from '../open-station.ts';

export function peerAnswers({ site, models, cohorts, ledger }: Station): Answers<keyof typeof peerCalls> {
  return {
    listening: () => site.listening(),
    'change-listening': async (rules) => {
      await site.listen(rules);
      const { isOn, port, address } = site.listening();
      ledger.append('listening-changed', { isOn, port, address: address ?? '' });
      return site.listening();
    },
    lineage: ({ federation }) => ({ models: [...site.lineage(federation)] }),
    'publish-model': ({ federation, id }) => {
      const all = models.list();
      const shown = id ?? all.find(({ origin }) => origin === 'trained')?.id;
      if (shown === undefined) throw modelFaults.noneTrained();
      const { model, definition, weightsFile } = models.get(shown);
      if (model.origin !== 'trained') throw modelFaults.notOfThisSite();
      const cohort = cohorts.list().find(({ hash }) => hash === model.cohortHash);
      return site.bench(federation).publish({
        weights: readFileSync(weightsFile),
        definition,
        classes: model.classes,
        normalisation: model.input && { mean: model.input.mean, standardDeviation: model.input.standardDeviation },
        parents: model.parents.flatMap((parent) => all.find((one) => one.id === parent)?.weightsHash ?? []),
        datasetFingerprint: model.cohortHash,
        examples: cohort?.split.train.instances ?? 0,
        metrics: model.test,
      });
    },
    'pull-models': ({ federation, site: author }) => site.bench(federation).pull(author),
    'evaluate-bench': ({ federation }) => site.bench(federation).evaluate(),
    'select-ensemble': ({ federation, method }) => site.bench(federation).select(method),
    'mute-peer': async ({ federation, site: peer, isMuted }) => {
      await site.bench(federation).mute(peer, isMuted);
      return {};
    },
  };
}
