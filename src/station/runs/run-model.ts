// What a run learnt, as the registry takes it.
import { hyperParametersSchema } from '../../contract/training.ts';
import type { NewModel } from '../models/model-registry.ts';
import type { FullRequest, Learnt, RunBasis } from './run-record.ts';

export function modelOfRun(
  request: FullRequest,
  { definition, parent }: RunBasis,
  { outcome, header }: Learnt,
  modalities: readonly string[],
): NewModel {
  const { epochs, steps, bestEpoch, ending } = outcome;
  const { cohortHash, classes, task, height, width, channels, mean, standardDeviation } = header;
  return {
    weightsFile: outcome.weightsFile,
    definition,
    task,
    cohort: request.cohort,
    cohortHash,
    classes,
    test: outcome.test,
    parents: parent === null ? [] : [parent.id],
    hyperParameters: hyperParametersSchema.parse(request.hyperParameters),
    training: { epochs: epochs.length, steps, bestEpoch, ending },
    seed: request.seed,
    engine: outcome.engine,
    provider: outcome.provider,
    input: { height, width, channels, mean, standardDeviation, preprocessing: header.preprocessing ?? null },
    operatingPoint: outcome.operatingPoint,
    modalities: [...modalities],
    federation: null,
  };
}
