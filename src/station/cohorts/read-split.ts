// Labels and patients of one split of a data set file, read without its images.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { splitCodes } from '../../contract/dataset.ts';
import { decodeTensorLayout, tensorHeaderBytes } from '../../contract/safetensors.ts';
import type { SplitName } from '../../contract/training.ts';

export interface SplitLabels {
  /** Class index of each example, in the data set's order. */
  readonly labels: Int32Array;
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
    const tensor = (name: string): Uint8Array => {
      const place = tensors.get(name);
      return place ? read(place.start, place.end) : new Uint8Array();
    };
    const isIn = tensor('split');
    const chosen = (values: Int32Array): Int32Array => values.filter((_, index) => isIn[index] === splitCodes[split]);
    return {
      labels: chosen(new Int32Array(tensor('labels').buffer)),
      patients: chosen(new Int32Array(tensor('patients').buffer)),
    };
  } finally {
    closeSync(handle);
  }
}
