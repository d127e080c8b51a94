// The thread that reads objects which may be large: headers to be shown, overlays. One task at a time.
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { OverlayShape } from '../../contract/annotation.ts';
import { Fault, faultValueOf, type FaultValue } from '../../contract/fault.ts';
import type { DataSet } from '../library/dataset.ts';
import { libraryFaults } from '../library/faults.ts';
import { readHeaderFile } from '../library/header-file.ts';
import { type HeaderElement, headerList } from '../library/header-list.ts';
import { parseDataset } from '../library/parse-dataset.ts';
import { codeOf } from '../library/pixels/attributes.ts';
import { openWasmCodecs } from '../library/pixels/wasm-codecs.ts';
import { annotationFaults } from './faults.ts';
import { type LabelContents, labelContents } from './label-contents.ts';
import { type ReportGroup, reportGroups } from './measurement-report.ts';
import { objectTags, overlayClasses } from './object-tags.ts';
import { type OverlayDescription, overlayDescription } from './overlay-description.ts';
import { overlayTarget } from './overlay-target.ts';
import { segmentationOf } from './segmentation-frames.ts';
import { type OpenSegmentation, segmentationShapes } from './segmentation-shapes.ts';
import { type Contour, contourShapes, contoursOf } from './structure-set.ts';

export interface ShapesAsked {
  readonly overlayPath: string;
  readonly path: string;
  readonly sopInstanceUID: string;
  readonly frame: number;
}

export interface Shapes {
  readonly rows: number;
  readonly columns: number;
  readonly shapes: OverlayShape[];
}

/** What can be asked, and what is answered. */
export interface ObjectTasks {
  readonly header: { readonly asked: { readonly path: string }; readonly answered: HeaderElement[] };
  /** Null where the file is neither a segmentation nor a structure set. */
  readonly describe: { readonly asked: { readonly path: string }; readonly answered: OverlayDescription | null };
  /** Which regions lie on which images; null where the file is neither a segmentation nor a structure set. */
  readonly contents: { readonly asked: { readonly path: string }; readonly answered: LabelContents | null };
  /** What a structured report says about images. */
  readonly report: { readonly asked: { readonly path: string }; readonly answered: ReportGroup[] };
  readonly shapes: { readonly asked: ShapesAsked; readonly answered: Shapes };
}

export type ObjectTask = {
  [Kind in keyof ObjectTasks]: { readonly kind: Kind; readonly asked: ObjectTasks[Kind]['asked'] };
}[keyof ObjectTasks];

export type ObjectAnswer =
  | { readonly answered: ObjectTasks[keyof ObjectTasks]['answered'] }
  | { readonly fault: FaultValue };

type OpenOverlay =
  | { readonly kind: 'SEG'; readonly open: OpenSegmentation }
  | { readonly kind: 'RTSTRUCT'; readonly open: readonly Contour[] };

const overlayLimitBytes = 2 ** 30;
const codecs = openWasmCodecs();
/** The overlay that was asked for last: scrolling asks for its frames one after the other. */
let kept: { readonly version: string; readonly overlay: OpenOverlay } | null = null;

parentPort?.on('message', (task: ObjectTask) => {
  void perform(task)
    .then(
      (answered): ObjectAnswer => ({ answered }),
      (thrown: unknown): ObjectAnswer => ({ fault: faultOf(thrown) }),
    )
    .then((answer) => parentPort?.postMessage(answer, buffersOf(answer)));
});

async function perform(task: ObjectTask): Promise<ObjectTasks[keyof ObjectTasks]['answered']> {
  switch (task.kind) {
    case 'header':
      return headerList(readHeaderFile(task.asked.path, { keepItems: true }).dataSet);
    case 'describe':
      return overlayDescription(readHeaderFile(task.asked.path, { keepItems: true }).dataSet);
    case 'contents':
      return labelContents(wholeDataset(task.asked.path), codecs);
    case 'report':
      return reportGroups(readHeaderFile(task.asked.path, { keepItems: true }).dataSet);
    case 'shapes':
      return shapesOn(task.asked);
  }
}

async function shapesOn({ overlayPath, path, sopInstanceUID, frame }: ShapesAsked): Promise<Shapes> {
  const overlay = openOverlay(overlayPath);
  const target = overlayTarget(path, sopInstanceUID, frame);
  const shapes =
    overlay.kind === 'SEG'
      ? await segmentationShapes(overlay.open, target, codecs)
      : contourShapes(overlay.open, target);
  return { rows: target.rows, columns: target.columns, shapes };
}

function openOverlay(path: string): OpenOverlay {
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
}

function wholeDataset(path: string): DataSet {
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

function faultOf(thrown: unknown): FaultValue {
  if (thrown instanceof Fault) return thrown.toValue();
  if ((thrown as { code?: unknown } | null)?.code === 'ENOENT') return libraryFaults.fileGone().toValue();
  return faultValueOf(thrown);
}

function buffersOf(answer: ObjectAnswer): ArrayBuffer[] {
  if ('fault' in answer || answer.answered === null || !('shapes' in answer.answered)) return [];
  return answer.answered.shapes.flatMap(({ mask, polygons }) =>
    [...(mask === null ? [] : [mask]), ...polygons].map(({ buffer }) => buffer as ArrayBuffer),
  );
}
