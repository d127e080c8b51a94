// What each model of the bench said of the site's validation examples, on disk, so that choosing an ensemble evaluates nothing twice.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { writeFileDurably } from '../protocol/durable-file.ts';

export interface CachedPredictions {
  has(model: string): boolean;
  /** Row-major [examples, classes]. */
  of(model: string): Float32Array;
  /** Class of each example, or row-major 0 and 1 of several labels. */
  labels(): Int32Array;
  /** @returns false, and keeps nothing, when the labels are not those of the other predictions: then they cannot be compared. */
  put(model: string, probabilities: Float32Array, labels: Int32Array): boolean;
  remove(model: string): void;
  clear(): void;
}

export function openCachedPredictions(folder: string): CachedPredictions {
  const fileOf = (model: string): string => path.join(folder, `${model}.f32`);
  const labelsFile = path.join(folder, 'labels.i32');
  return {
    has: (model) => existsSync(fileOf(model)),
    of: (model) => new Float32Array(bufferOf(fileOf(model))),
    labels: () => new Int32Array(bufferOf(labelsFile)),
    put(model, probabilities, labels) {
      const bytes = Buffer.from(bytesOf(labels));
      if (existsSync(labelsFile) && !readFileSync(labelsFile).equals(bytes)) return false;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileDurably(fileOf(model), bytesOf(probabilities));
      writeFileDurably(labelsFile, bytes);
      return true;
    },
    remove: (model) => rmSync(fileOf(model), { force: true }),
    clear: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The file's bytes in a buffer of their own, so that they can be read as numbers. */
function bufferOf(file: string): ArrayBuffer {
  return Uint8Array.from(readFileSync(file)).buffer;
}
