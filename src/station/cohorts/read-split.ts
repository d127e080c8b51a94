// Labels and patients of one split of a data set file, read without its images.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { splitCodes } from '../../contract/dataset.ts';
import { decodeTensorLayout, tensorHeaderBytes } from '../../contract/safetensors.ts';
import type { SplitName } from '../../contract/training.ts';

export interface SplitLabels {
  /**
   * In the data set's order the class index of each example; of several labels rows of 0 and 1, [examples, classes]; empty of
   * masks, which lie in the shards.
   */
  readonly labels: Int32Array | Uint8Array;
  /** Pseudonym index of each example's patient. */
  readonly patients: Int32Array;
}

/** @throws Fault 610 when the file is not a whole data set. */
export function readSplit(datasetFile: string, split: SplitName): SplitLabels {
  const handle = openSync(datasetFile, 'r');
  try {
    const fileBytes = fstatSync(handle).size;
    const read = (start: number, end: number): Uint8Array => {
      const bytes = new Uint8Array(end - start);
      readSync(handle, bytes, 0, bytes.length, start);
      return bytes;
    };
    const head = read(0, tensorHeaderBytes(read(0, 8), fileBytes));
    const { tensors } = decodeTensorLayout(head, fileBytes);
    const values = (name: string): Int32Array | Uint8Array => {
      const place = tensors.get(name);
      if (place === undefined) return new Int32Array();
      const bytes = read(place.start, place.end);
      return place.elementType === 'I32' ? new Int32Array(bytes.buffer) : bytes;
    };
    const isIn = values('split');
    /** Those of this split, `each` values for every example. */
    const chosen = <Values extends Int32Array | Uint8Array>(all: Values): Values => {
      const each = all.length / Math.max(1, isIn.length);
      return all.filter((_, place) => isIn[Math.floor(place / each)] === splitCodes[split]) as Values;
    };
    return { labels: chosen(values('labels')), patients: chosen(Int32Array.from(values('patients'))) };
  } finally {
    closeSync(handle);
  }
}
