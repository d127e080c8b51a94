// The leak probe of a federation's project: which gradient is attacked, and what is made of the answer.
//
// Attacked is the first step of the next update: a batch of the project's size, from the trunk, with its loss and class weights, and with
// its noise where it makes a privacy promise. An update is the sum of many such steps, from which less can be read. Masks of secure
// aggregation are left out: who colludes with the other sites of a sum has the update by itself.
import { faultValueOf } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import type { LeakFinding } from '../../contract/leak-finding.ts';
import type { LeakProbe, LeakProbeJob } from '../../contract/leak-probe.ts';
import type { TrainerProcess } from '../../trainer/client.ts';
import type { KeptPictures } from './leak-pictures.ts';
import { leakSentence, leastTries } from './leak-words.ts';

/** Of more images the attack would take minutes; one on fewer is the stronger one. */
const mostImages = 16;

/** How long the station's own probe of a project may attack, in seconds. */
export const projectProbeSeconds = 20;

/** On a machine that is busy with other work the attack gets so many times as long, once, before nobody knows anything. */
const busyMachineTimes = 8;
/** What a probe may be asked for at most (contract/training.ts). */
const mostSeconds = 3_600;

/** What is attacked, all but the data and the weights. */
export function projectProbeJob(
  project: Project,
): Pick<LeakProbeJob, 'network' | 'batch' | 'privacy' | 'seed' | 'hyperParameters'> {
  const { network, seed, hyperParameters } = project;
  const { batchSize, privacy } = hyperParameters;
  return { network, seed, hyperParameters, privacy, batch: Math.min(batchSize, mostImages) };
}

/** Words and pictures of a project's probe. */
export function projectProbeSentence(project: Project, probe: LeakProbe): string {
  const { secureAggregation, hyperParameters } = project;
  return leakSentence(probe, {
    privacy: hyperParameters.privacy,
    maskedSites: secureAggregation?.threshold ?? null,
  });
}

/** Runs the probe; keeps its pictures. Whatever keeps it from an answer is a finding, which a person has to hear of. */
export async function probeProject(order: {
  readonly project: Project;
  readonly federation: string;
  readonly cohort: string;
  readonly datasetFile: string;
  readonly weightsFile: string;
  readonly trainer: TrainerProcess;
  readonly pictures: KeptPictures;
  readonly threads: number;
  readonly maxSeconds: number;
  readonly signal: AbortSignal;
}): Promise<LeakFinding> {
  const { project, federation, cohort, datasetFile, weightsFile, threads, maxSeconds, signal } = order;
  order.pictures.forget(federation);
  let probe: LeakProbe;
  try {
    const job = { ...projectProbeJob(project), datasetFile, weightsFile, threads };
    probe = await order.trainer.probeLeak({ ...job, maxSeconds }, { signal });
    const longer = Math.min(mostSeconds, busyMachineTimes * maxSeconds);
    if (saysNothing(probe)) probe = await order.trainer.probeLeak({ ...job, maxSeconds: longer }, { signal });
  } catch (thrown) {
    // Nobody asks any more: the project, its cohort or the station is gone.
    if (signal.aborted) throw thrown;
    return failed(faultValueOf(thrown).message);
  }
  if (saysNothing(probe))
    return failed(`The attack had time for ${probe.iterations} tries only, too few to say anything.`);
  order.pictures.keep(federation, cohort, probe);
  return {
    isRecognised: probe.isRecognised,
    failure: null,
    sentence: projectProbeSentence(project, probe),
    similarity: probe.pairs[0]?.similarity ?? 0,
    images: probe.pairs.length,
  };
}

const saysNothing = ({ isRecognised, iterations }: LeakProbe): boolean => !isRecognised && iterations < leastTries;

function failed(reason: string): LeakFinding {
  return {
    isRecognised: false,
    failure: reason,
    sentence: `The leak probe could not be made: ${reason} Nobody knows yet whether an image could be recognised in an update of this site. Try again, with more time or when the machine is free, or decide without it.`,
    similarity: null,
    images: 0,
  };
}
