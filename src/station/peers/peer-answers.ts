// The calls about the bench between peers, answered: the models of this station meet the federation's.
import { readFileSync } from 'node:fs';
import type { Answers, CallOutput } from '../../contract/calls.ts';
import type { peerCalls } from '../../contract/peers.ts';
import { keptModel } from './kept-model.ts';
import { modelFaults } from '../models/faults.ts';
import type { Station } from '../open-station.ts';

/** The data set lies there already, unless its folder was emptied: then it is built anew. */
const buildDeadlineMs = 3_600_000;

export function peerAnswers({
  site,
  models,
  cohorts,
  ledger,
  datasets,
  onEvent,
}: Station): Answers<keyof typeof peerCalls> {
  /** A model of the bench as one of this site's; null for the trunk. */
  const keep = async (federation: string, asked: string | null): Promise<Omit<CallOutput<'keep-model'>, 'members'>> => {
    const found = await site.bench(federation).model(asked);
    const { definition, project, cohort } = found;
    const { header } = await cohorts.buildDataset(cohort, {
      ...definition.input,
      task: definition.task,
      classes: project.classes,
      folder: datasets,
      signal: AbortSignal.timeout(buildDeadlineMs),
      onProgress: () => {},
    });
    const modalities = cohorts.withHash(cohort, header.cohortHash)?.modalities ?? [];
    const { id, isKnown } = models.addBytes(keptModel(federation, found, header, modalities), found.weights);
    if (!isKnown) ledger.append('model-kept', { model: id, federation, site: found.site });
    onEvent('library-changed', {});
    return { id, site: found.site, version: found.version, isKnown };
  };

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
      const shown = id ?? all.find(({ origin, federation: from }) => origin === 'trained' && from === null)?.id;
      if (shown === undefined) throw modelFaults.noneTrained();
      const { model, definition, weightsFile } = models.get(shown);
      if (model.origin !== 'trained' || model.federation !== null) throw modelFaults.notOfThisSite();
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
    'keep-model': async ({ federation, model: asked }) => {
      const hashes = asked === 'ensemble' ? site.bench(federation).ensemble() : [asked];
      const kept = [];
      for (const hash of hashes) kept.push(await keep(federation, hash));
      const [only] = kept;
      if (kept.length === 1) return { ...only!, members: [] };
      // The same weights may stand on the bench under two names: one vote.
      const members = [...new Set(kept.map(({ id }) => id))];
      const { cohort, modalities, federation: from } = models.get(members[0]!).model;
      const { id, isKnown } = models.addEnsemble({
        members,
        cohort,
        modalities,
        federation: { federation, project: from?.project ?? '', site: 'ensemble', version: null },
      });
      if (!isKnown)
        ledger.append('model-kept', { model: id, federation, site: 'ensemble', members: members.join(' ') });
      onEvent('library-changed', {});
      return { id, site: 'ensemble', version: null, isKnown, members };
    },
    'mute-peer': async ({ federation, site: peer, isMuted }) => {
      await site.bench(federation).mute(peer, isMuted);
      return {};
    },
  };
}
