// Overlays read one after the other: the one that was asked for last stays open, since its frames are mostly asked in a row.
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { OverlayShape } from '../../contract/annotation.ts';
import type { DataSet } from '../library/dataset.ts';
import { parseDataset } from '../library/parse-dataset.ts';
import { codeOf } from '../library/pixels/attributes.ts';
import type { WasmCodecs } from '../library/pixels/wasm-codecs.ts';
import { annotationFaults } from './faults.ts';
import { objectTags, overlayClasses } from './object-tags.ts';
import type { OverlayTarget } from './overlay-target.ts';
import { segmentationOf } from './segmentation-frames.ts';
import { type OpenSegmentation, segmentationShapes } from './segmentation-shapes.ts';
import { type Contour, contourShapes, contoursOf } from './structure-set.ts';

export interface OverlayReader {
  /** What the SEG or RTSTRUCT at `overlayPath` shows on one frame. @throws Fault 62x; a file system error where it cannot be read. */
  shapesOn(overlayPath: string, target: OverlayTarget): Promise<OverlayShape[]>;
}

type OpenOverlay =
  | { readonly kind: 'SEG'; readonly open: OpenSegmentation }
  | { readonly kind: 'RTSTRUCT'; readonly open: readonly Contour[] };

const overlayLimitBytes = 2 ** 30;

export function overlayReader(codecs: WasmCodecs): OverlayReader {
  let kept: { readonly version: string; readonly overlay: OpenOverlay } | null = null;
  const openOverlay = (path: string): OpenOverlay => {
    const { size, mtimeMs } = statSync(path);
    const version = `${size} ${mtimeMs} ${path}`;
    if (kept?.version === version) return kept.overlay;
    kept = null;
    const dataset = wholeDataset(path);
    const kind = overlayClasses[codeOf(dataset, dataset, objectTags.SOPClassUID)];
    if (kind === undefined) throw annotationFaults.noOverlay();
    const overlay: OpenOverlay =
      kind === 'SEG'
        ? { kind, open: { dataset, segmentation: segmentationOf(dataset) } }
        : { kind, open: contoursOf(dataset) };
    kept = { version, overlay };
    return overlay;
  };
  return {
    async shapesOn(overlayPath, target) {
      const overlay = openOverlay(overlayPath);
      return overlay.kind === 'SEG'
        ? segmentationShapes(overlay.open, target, codecs)
        : contourShapes(overlay.open, target);
    },
  };
}

/** The data set of a whole file, pixel data included. @throws Fault 624 where it is larger than 1 GiB. */
export function wholeDataset(path: string): DataSet {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > overlayLimitBytes) throw annotationFaults.tooLarge(size);
    const bytes = new Uint8Array(size);
    let has = 0;
    while (has < bytes.length) {
      const count = readSync(file, bytes, has, bytes.length - has, has);
      if (count === 0) break;
      has += count;
    }
    return parseDataset(bytes.subarray(0, has));
  } finally {
    closeSync(file);
  }
}
