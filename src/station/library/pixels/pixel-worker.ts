// The worker thread that decodes frames: one at a time, so that whoever started it can tell which one hangs it.
import { openSync, closeSync, fstatSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { Frame } from '../../../contract/dicom.ts';
import { systemReason } from '../../../contract/system-reason.ts';
import { faultValueOf, type FaultValue } from '../../../contract/fault.ts';
import { giveBack } from '../../give-back.ts';
import type { DataSet } from '../dataset.ts';
import { parseDataset } from '../parse-dataset.ts';
import { pixelFaults } from './faults.ts';
import { readFrameOf } from './read-frame.ts';
import { withReducedCopies } from './reduced-copies.ts';
import { openWasmCodecs } from './wasm-codecs.ts';

export interface FrameAsked {
  readonly path: string;
  /** Counted from 1. */
  readonly frame: number;
  /** With the range and the reduced copies of a large frame. */
  readonly isReduced: boolean;
}

export type FrameAnswered = { readonly frame: Frame } | { readonly fault: FaultValue };

/** Most bytes of a file that are read into memory; larger multi-frame objects are refused. */
const fileLimitBytes = 2 ** 31 - 1;
/** A file up to this size stays parsed until another is asked for: frames of one instance are mostly asked in a row. */
const keptLimitBytes = 128 * 1024 * 1024;

let kept: { path: string; version: string; dataset: DataSet } | null = null;
const codecs = openWasmCodecs();

parentPort?.on('message', (asked: FrameAsked) => {
  void answer(asked).then((answered) => {
    const copies = 'frame' in answered ? [answered.frame, ...(answered.frame.reduced ?? [])] : [];
    const transfer = copies.map(({ pixels }) => pixels.buffer as ArrayBuffer);
    parentPort?.postMessage(answered, transfer);
  });
});

async function answer({ path, frame, isReduced }: FrameAsked): Promise<FrameAnswered> {
  try {
    const decoded = await readFrameOf(datasetAt(path), frame, codecs);
    return { frame: isReduced ? withReducedCopies(decoded) : decoded };
  } catch (thrown) {
    return { fault: faultValueOf(thrown) };
  }
}

function datasetAt(path: string): DataSet {
  const file = opened(path);
  try {
    const { size, mtimeMs } = fstatSync(file);
    const version = `${size} ${mtimeMs}`;
    if (kept !== null && kept.path === path && kept.version === version) return kept.dataset;
    if (kept !== null) giveBack(kept.dataset.bytes);
    kept = null;
    if (size > fileLimitBytes) throw pixelFaults.tooLarge(`a file of ${Math.round(size / 2 ** 20)} MiB`);
    const bytes = Buffer.allocUnsafeSlow(size);
    let has = 0;
    while (has < size) {
      const count = readSync(file, bytes, has, size - has, has);
      if (count === 0) break;
      has += count;
    }
    const dataset = parseDataset(bytes.subarray(0, has));
    if (dataset.bytes.length <= keptLimitBytes) kept = { path, version, dataset };
    return dataset;
  } finally {
    closeSync(file);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (thrown) {
    // The code alone: the message would carry the path, and paths hold patients' names.
    throw pixelFaults.fileUnreadable(systemReason((thrown as { code?: unknown }).code));
  }
}
