// Faults of training runs and of the trainer process: codes 350–399. Each says what happened and what to do.
import { Fault } from '../contract/fault.ts';

/** 350: the data set file cannot be opened or read. */
export function datasetUnreadable(reason: string, cause?: unknown): Fault {
  const message = `The data set file cannot be read: ${reason}. Build the cohort's data set again.`;
  return new Fault({ code: 350, message, retry: 'later' }, cause);
}

/** 351: the data set file can be read, but what it holds is not a data set. */
export function datasetMalformed(reason: string): Fault {
  const message = `The data set file is not usable: ${reason}. It may be damaged; build the cohort's data set again.`;
  return new Fault({ code: 351, message, retry: 'never' });
}

export const shardDamagedCode = 368;

/** 368: a shard of the data set is not there as it was written. The station makes it anew from the images. */
export function shardDamaged(reason: string): Fault {
  const message = `A part of the data set on the disk is damaged: ${reason}. It is made anew from the images when the work is started again; if this happens often, have the disk checked.`;
  return new Fault({ code: shardDamagedCode, message, retry: 'later' });
}

/** 352: the images are not of the size that the network takes. */
export function datasetDoesNotFit(images: string, input: string): Fault {
  const message = `The data set holds images of ${images}, the network takes ${input} (height × width × channels). Build the data set for this network.`;
  return new Fault({ code: 352, message, retry: 'never' });
}

/** 353: no training images. */
export function nothingToTrainOn(): Fault {
  const message = 'The training split holds no images. Add labelled studies to the cohort, then try again.';
  return new Fault({ code: 353, message, retry: 'never' });
}

/** 354: the loss or the outputs became NaN or infinite. */
export function notFinite(
  what: string,
  where: string,
  {
    cause = '',
    advice = 'Try a lower learning rate, or clip the gradients.',
  }: { cause?: string; advice?: string } = {},
): Fault {
  const message = `Training was ended because ${what} is not a finite number (${where})${cause && `: ${cause}`}. The last checkpoint and all models are kept. ${advice}`;
  return new Fault({ code: 354, message, retry: 'never' });
}

/** 355: a weights file is unreadable or belongs to another network. */
export function weightsUnusable(reason: string, cause?: unknown): Fault {
  const message = `The weights cannot be used: ${reason}. Choose the weights of this network.`;
  return new Fault({ code: 355, message, retry: 'never' }, cause);
}

/** 356: the run folder holds another run: mostly one that is resumed after its cohort has changed. */
export function otherRunInFolder(): Fault {
  const message =
    'This run cannot go on from its checkpoint, which was made with other images, settings or first weights than it has now: its cohort was made anew since, or a patient was taken out of it. Start a new run, from the model that was kept of this one if you like.';
  return new Fault({ code: 356, message, retry: 'never' });
}

/** 357: the run folder, its checkpoints or its weights cannot be written or read. */
export function runNotAccessible(cause: unknown): Fault {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  const reason = code === 'ENOSPC' ? 'the disk is full' : `the system answered ${code}`;
  const message = `The run's files cannot be written or read: ${reason}. What was saved before is kept; make room or give access, then resume the run.`;
  return new Fault({ code: 357, message, retry: 'later' }, cause);
}

/** 358: the trainer process ended in the middle of a job. */
export function trainerCrashed(how: string): Fault {
  const message = `The trainer process ended unexpectedly (${how}). A training run goes on from its last checkpoint when it is started again.`;
  return new Fault({ code: 358, message, retry: 'now' });
}

/** 359: a job was given to a trainer that is closed or busy. */
export function trainerUnavailable(reason: string): Fault {
  return new Fault({ code: 359, message: `The trainer takes no job: ${reason}. Try again later.`, retry: 'later' });
}

/** 360: no images in the split to be measured. */
export function nothingToEvaluate(split: string): Fault {
  const message = `The ${split} split holds no images, so there is nothing to measure. Add labelled studies to the cohort.`;
  return new Fault({ code: 360, message, retry: 'never' });
}

/** 361: stopped before there was a result. */
export function jobStopped(): Fault {
  return new Fault({ code: 361, message: 'The job was stopped before it had a result.', retry: 'now' });
}

/** 362: a message between station and trainer does not follow the contract. */
export function messageMalformed(reason: string): Fault {
  const message = `The trainer received or sent a message that is not valid: ${reason}. Restart the program; if it happens again, report it.`;
  return new Fault({ code: 362, message: message.slice(0, 4_000), retry: 'never' });
}

/** 363: a metric was asked of numbers that cannot be measured. */
export function predictionsUnusable(reason: string): Fault {
  const message = `The predictions cannot be measured: ${reason}. The model may have diverged; use an earlier one.`;
  return new Fault({ code: 363, message, retry: 'never' });
}

/** 364: the labels are not of the kind that the network learns. */
export function datasetForOtherTask(task: string, networkTask: string): Fault {
  const message = `The data set is made for ${task}, the network for ${networkTask}. Choose a network for ${task}, or make the cohort for ${networkTask}.`;
  return new Fault({ code: 364, message, retry: 'never' });
}

/** 365: weights of classes were given that this run cannot use. */
export function classWeightsUnusable(reason: string): Fault {
  const message = `These class weights cannot be used: ${reason}. Change them, or leave them out.`;
  return new Fault({ code: 365, message: message.slice(0, 4_000), retry: 'never' });
}

/** 366: a model's file cannot be written where it was asked for. */
export function exportNotWritten(cause: unknown): Fault {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  const reason = code === 'ENOSPC' ? 'the disk is full' : `the system answered ${code}`;
  const message = `The model could not be written: ${reason}. What was there before is kept. Choose another place.`;
  return new Fault({ code: 366, message, retry: 'later' }, cause);
}

/** 367: the folder that a bench is to repeat holds no run that the reference exported for this network. */
export function referenceRunUnusable(reason: string, cause?: unknown): Fault {
  const message = `The exported run cannot be repeated: ${reason}. Export it again for this workload, or choose its folder.`;
  return new Fault({ code: 367, message: message.slice(0, 4_000), retry: 'never' }, cause);
}

/** 369: some image of the split can be prepared for one voter and not for another. */
export function votersDiffer(): Fault {
  const message =
    'The models of this ensemble do not see the same images of this cohort: some cannot be prepared for all of them. Measure its members one by one, or leave those images out.';
  return new Fault({ code: 369, message, retry: 'never' });
}

/** 370: masks of a whole split that do not fit into memory while several models draw them. */
export function votesTooLarge(): Fault {
  const message =
    'The masks of this split are too many to be averaged at once. Measure the ensemble on a smaller cohort, or its members one by one.';
  return new Fault({ code: 370, message, retry: 'never' });
}
