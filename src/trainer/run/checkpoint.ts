// Checkpoints: everything a run needs to go on as if it had never been interrupted. A tensor file followed by the
// SHA-256 of its bytes; written beside and renamed, and the one before is kept.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
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
import type { Weights } from './weights-file.ts';

const checksumBytes = 32;

/** Where a run is. Random streams follow from seed, epoch and example (random.ts), so there is no state of theirs. */
export const runPositionSchema = z.object({
  /** Complete epochs. */
  epoch: z.number().int().min(0),
  /** Steps done in the epoch after those. */
  batch: z.number().int().min(0),
  /** Sum of example losses in that epoch so far. */
  lossSum: z.number(),
  /** Seconds of training so far, over all sittings. */
  seconds: z.number().min(0),
  epochs: z.array(epochSchema),
  /** Lowest validation loss so far, whose weights are kept as best. */
  bestLoss: z.number().nullable(),
  /** Images of a step, as chosen when the run began; null where it is the hyper-parameters'. */
  batchSize: z.number().int().min(1).nullable().default(null),
  /** Set when the run is complete. */
  outcome: trainOutcomeSchema.nullable(),
});
export type RunPosition = z.infer<typeof runPositionSchema>;

export interface Checkpoint {
  readonly position: RunPosition;
  readonly weights: Weights;
  readonly optimiser: Weights;
  /** Null while no epoch has been validated, or while the weights themselves are the best. */
  readonly best: Weights | null;
}

const metadataSchema = z.object({ run: z.string(), position: z.string() });

/**
 * Encodes a checkpoint of the run whose specification has the hash `run`, as the parts of a file one after the other:
 * joining them would copy hundreds of megabytes for a large network.
 */
export function encodeCheckpoint(checkpoint: Checkpoint, run: string): Uint8Array[] {
  const tensors = new Map<string, Tensor>();
  for (const part of ['weights', 'optimiser', 'best'] as const) {
    for (const [name, values] of checkpoint[part] ?? []) {
      tensors.set(`${part}/${name}`, float32Tensor(values, [values.length]));
    }
  }
  const file = encodeTensorFile({ tensors, metadata: { run, position: JSON.stringify(checkpoint.position) } });
  return [file, createHash('sha256').update(file).digest()];
}

/** Null when the bytes are not a whole checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): { checkpoint: Checkpoint; run: string } | null {
  if (bytes.byteLength < checksumBytes) return null;
  const file = bytes.subarray(0, -checksumBytes);
  if (!createHash('sha256').update(file).digest().equals(bytes.subarray(-checksumBytes))) return null;
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
}

/** Whether the folder holds a checkpoint, whole or not. */
export function hasCheckpoint(folder: string): boolean {
  return ['checkpoint', 'checkpoint.previous'].some((name) => existsSync(path.join(folder, name)));
}

/** Opens (and makes) the folder of the run whose specification has the hash `run`. @throws Fault 357. */
export function openRunFolder(folder: string, run: string, onNote: (note: string) => void): RunFolder {
  const file = path.join(folder, 'checkpoint');
  const previous = path.join(folder, 'checkpoint.previous');
  const weightsFile = path.join(folder, 'weights.safetensors');
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw runNotAccessible(error);
  }
  return {
    weightsFile,
    read() {
      for (const candidate of [file, previous]) {
        if (!existsSync(candidate)) continue;
        const found = decodeCheckpoint(readFile(candidate));
        if (found !== null) {
          if (found.run !== run) throw otherRunInFolder();
          return found.checkpoint;
        }
        onNote(`The checkpoint ${path.basename(candidate)} is damaged; the run goes on from an earlier point.`);
        // Removed, or the next save would move it over the whole one.
        rmSync(candidate, { force: true });
      }
      return null;
    },
    save(checkpoint) {
      writeBeside(`${file}.partial`, encodeCheckpoint(checkpoint, run), () => {
        if (existsSync(file)) renameSync(file, previous);
        renameSync(`${file}.partial`, file);
      });
    },
    saveWeights(bytes) {
      writeBeside(`${weightsFile}.partial`, [bytes], () => renameSync(`${weightsFile}.partial`, weightsFile));
    },
  };
}

function readFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    // Not being allowed to read a checkpoint says nothing about its worth: it is not treated as damaged.
    throw runNotAccessible(error);
  }
}

/** Writes and syncs `partial`, then lets `moveIntoPlace` rename it; leaves nothing half-written behind. */
function writeBeside(partial: string, parts: readonly Uint8Array[], moveIntoPlace: () => void): void {
  try {
    const descriptor = openSync(partial, 'w');
    try {
      for (const bytes of parts) {
        for (let done = 0; done < bytes.byteLength;) done += writeSync(descriptor, bytes, done);
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    moveIntoPlace();
  } catch (error) {
    rmSync(partial, { force: true });
    throw runNotAccessible(error);
  }
}
