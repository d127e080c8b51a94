// The learning rate of a federated project falls over its trunk commits, not within one local epoch: the trunk then settles
// instead of following whichever sites happened to be in the last buffer.
import type { Project } from '../contract/federation.ts';
import type { HyperParameters } from '../contract/training.ts';

/** The cosine ends at this share of the first learning rate, so that the last updates still say something. */
const smallestShare = 0.02;

/** Hyper-parameters of the local training from one trunk version: `cosine` spans the project's commits, `step` counts them. */
export function localHyperParameters(project: Project, trunkVersion: number): HyperParameters {
  const { hyperParameters, commits } = project;
  if (hyperParameters.schedule === 'constant') return hyperParameters;
  if (hyperParameters.schedule === 'step') {
    const falls = Math.floor(trunkVersion / hyperParameters.stepEpochs);
    const learningRate = hyperParameters.learningRate * hyperParameters.stepFactor ** falls;
    return { ...hyperParameters, schedule: 'constant', learningRate };
  }
  const progress = Math.min(1, trunkVersion / commits);
  const share = Math.max(smallestShare, (1 + Math.cos(Math.PI * progress)) / 2);
  return { ...hyperParameters, schedule: 'constant', learningRate: hyperParameters.learningRate * share };
}
