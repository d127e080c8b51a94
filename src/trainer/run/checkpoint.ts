// Checkpoints: everything a run needs to go on as if it had never been interrupted. The one before is kept.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import {
  decodeTensorFile,
  encodeTensorFile,
  float32Tensor,
  float32Values,
  type Tensor,
} from '../../contract/safetensors.ts';
import { epochSchema, trainOutcomeSchema } from '../../contract/training.ts';
import { otherRunInFolder, runNotAccessible } from '../faults.ts';
import type { TallyState } from '../metrics/tally-state.ts';
import { decodeMeasured, encodeMeasured } from './measured-file.ts';
import { readRunFile, sealed, unsealed, writeRunFile } from './sealed-file.ts';
import type { Weights } from './weights-file.ts';

/** Where a run is. Random streams follow from seed, epoch and example (random.ts), so there is no state of theirs. */
export const runPositionSchema = z.object({
  /** Complete epochs. */
  epoch: z.number().int().min(0),
  /** Steps done in the epoch after those. */
  batch: z.number().int().min(0),
  /** Steps made in all; null in checkpoints of versions that did not count them. A budget ends an epoch before its last step. */
  steps: z.number().int().min(0).nullable().default(null),
  /** Sum of example losses in that epoch so far. */
  lossSum: z.number(),
  /** Seconds of training so far, over all sittings. */
  seconds: z.number().min(0),
  epochs: z.array(epochSchema),
  /** Lowest validation loss so far, whose weights are kept as best. */
  bestLoss: z.number().nullable(),
  /** Images of a step, as chosen when the run began; null where it is the hyper-parameters'. */
  batchSize: z.number().int().min(1).nullable().default(null),
  /** Training images of one epoch; null in checkpoints of versions that did not tell them. */
  examples: z.number().int().min(0).nullable().default(null),
  /** Set when the run is complete. */
  outcome: trainOutcomeSchema.nullable(),
});
export type RunPosition = z.infer<typeof runPositionSchema>;

/** Steps made in all; those of versions that did not count them had none that a budget ended in the middle of an epoch. */
export function stepsOf({ steps, epoch, batch }: RunPosition, batchesPerEpoch: number): number {
  return steps ?? epoch * batchesPerEpoch + batch;
}

export interface Checkpoint {
  readonly position: RunPosition;
  readonly weights: Weights;
  readonly optimiser: Weights;
  /** Null while no epoch has been validated. */
  readonly best: Weights | null;
}

const metadataSchema = z.object({ run: z.string(), position: z.string() });

/** Encodes a checkpoint of the run whose specification has the hash `run`, as the parts of a file one after the other. */
export function encodeCheckpoint(checkpoint: Checkpoint, run: string): Uint8Array[] {
  const tensors = new Map<string, Tensor>();
  for (const part of ['weights', 'optimiser', 'best'] as const) {
    for (const [name, values] of checkpoint[part] ?? []) {
      tensors.set(`${part}/${name}`, float32Tensor(values, [values.length]));
    }
  }
  return sealed(encodeTensorFile({ tensors, metadata: { run, position: JSON.stringify(checkpoint.position) } }));
}

/** Null when the bytes are not a whole checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): { checkpoint: Checkpoint; run: string } | null {
  const file = unsealed(bytes);
  if (file === null) return null;
  try {
    const { tensors, metadata } = decodeTensorFile(file);
    const { run, position } = metadataSchema.parse(metadata);
    const parts = { weights: new Map() as Weights, optimiser: new Map() as Weights, best: new Map() as Weights };
    for (const [name, tensor] of tensors) {
      const [part, ...rest] = name.split('/');
      const values = float32Values(tensor).slice();
      if (part === 'weights' || part === 'optimiser' || part === 'best') parts[part].set(rest.join('/'), values);
    }
    const checkpoint = {
      position: runPositionSchema.parse(JSON.parse(position)),
      weights: parts.weights,
      optimiser: parts.optimiser,
      best: parts.best.size > 0 ? parts.best : null,
    };
    return { checkpoint, run };
  } catch {
    return null;
  }
}

export interface RunFolder {
  readonly weightsFile: string;
  readonly controlVariateFile: string;
  /**
   * The latest whole checkpoint, or null for a new run. A damaged one is removed with a note and the one before it
   * is used.
   * @throws Fault 356 when the folder holds another run.
   */
  read(): Checkpoint | null;
  /** @throws Fault 357 when the disk does not take it; the checkpoints before stay. */
  save(checkpoint: Checkpoint): void;
  /** Writes the weights file. @throws Fault 357. */
  saveWeights(bytes: Uint8Array): void;
  /** How far measuring had come that is named `of` (asked only where something is there); null where nothing whole of it was kept. */
  readMeasured(of: () => string): TallyState | null;
  /** Keeps how far measuring has come, in the place of what was kept before. @throws Fault 357 */
  saveMeasured(of: string, state: TallyState): void;
  forgetMeasured(): void;
  /** Writes the control variate's file. @throws Fault 357. */
  saveControlVariate(bytes: Uint8Array): void;
}

export const weightsFileName = 'weights.safetensors';
/** Newest first. */
const checkpointNames = ['checkpoint', 'checkpoint.previous'] as const;

/** Whether the folder holds a checkpoint, whole or not. */
export function hasCheckpoint(folder: string): boolean {
  return checkpointNames.some((name) => existsSync(path.join(folder, name)));
}

/**
 * The latest whole checkpoint with the hash of its run. A damaged one is removed with a note, or the next save would move it
 * over the whole one, and the one before it is taken.
 */
export function lastCheckpoint(
  folder: string,
  onNote: (note: string) => void,
): { checkpoint: Checkpoint; run: string } | null {
  for (const name of checkpointNames) {
    const file = path.join(folder, name);
    if (!existsSync(file)) continue;
    const found = decodeCheckpoint(readRunFile(file));
    if (found !== null) return found;
    onNote(
      `The ${name === 'checkpoint' ? 'newest checkpoint' : 'checkpoint before the newest'} is damaged and was left out.`,
    );
    rmSync(file, { force: true });
  }
  return null;
}

/** Opens (and makes) the folder of the run whose specification has the hash `run`. @throws Fault 357. */
export function openRunFolder(folder: string, run: string, onNote: (note: string) => void): RunFolder {
  const [file, previous] = checkpointNames.map((name) => path.join(folder, name)) as [string, string];
  const weightsFile = path.join(folder, weightsFileName);
  const measuredFile = path.join(folder, 'measured');
  const controlVariateFile = path.join(folder, 'control-variate.safetensors');
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw runNotAccessible(error);
  }
  return {
    weightsFile,
    controlVariateFile,
    read() {
      const found = lastCheckpoint(folder, onNote);
      if (found !== null && found.run !== run) throw otherRunInFolder();
      return found?.checkpoint ?? null;
    },
    save(checkpoint) {
      writeRunFile(file, encodeCheckpoint(checkpoint, run), () => {
        if (existsSync(file)) renameSync(file, previous);
      });
    },
    saveWeights(bytes) {
      writeRunFile(weightsFile, [bytes]);
    },
    readMeasured(of) {
      return existsSync(measuredFile) ? decodeMeasured(readRunFile(measuredFile), `${run} ${of()}`) : null;
    },
    saveMeasured(of, state) {
      writeRunFile(measuredFile, encodeMeasured(state, `${run} ${of}`));
    },
    forgetMeasured() {
      rmSync(measuredFile, { force: true });
    },
    saveControlVariate(bytes) {
      writeRunFile(controlVariateFile, [bytes]);
    },
  };
}
