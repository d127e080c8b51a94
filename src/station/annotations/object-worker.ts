// The thread that reads objects which may be large: headers to be shown, overlays. One task at a time.
import { parentPort } from 'node:worker_threads';
import type { OverlayShape, Report } from '../../contract/annotation.ts';
import type { Presentation } from '../../contract/presentation.ts';
import type { FrameGeometry } from '../../contract/dicom.ts';
import { Fault, faultValueOf, type FaultValue } from '../../contract/fault.ts';
import { libraryFaults } from '../library/faults.ts';
import { readHeaderFile } from '../library/header-file.ts';
import { type HeaderElement, headerList } from '../library/header-list.ts';
import { frameGeometry } from '../library/pixels/geometry.ts';
import { modalityDescription } from '../library/pixels/modality.ts';
import { uptakeOf } from '../library/pixels/uptake.ts';
import { openWasmCodecs } from '../library/pixels/wasm-codecs.ts';
import { type LabelContents, labelContents } from './label-contents.ts';
import { type ReportGroup, reportGroups } from './measurement-report.ts';
import { type OverlayDescription, overlayDescription } from './overlay-description.ts';
import { overlayReader, wholeDataset } from './overlay-reader.ts';
import { overlayTarget } from './overlay-target.ts';
import { presentationState } from './presentation-state.ts';
import { projectionHeader, type ProjectionHeader } from './projection-header.ts';
import { reportText } from './report-text.ts';
import { type SeriesFrames, undrawnRegions, type UndrawnRegions } from './undrawn-regions.ts';

export interface ShapesAsked {
  readonly overlayPath: string;
  readonly path: string;
  readonly sopInstanceUID: string;
  readonly frame: number;
}

export interface Units {
  /** Empty where the file gives none. */
  readonly unit: string;
  readonly spacingKind: FrameGeometry['spacingKind'];
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
  /** Null where it is for colour or for blending. */
  readonly presentation: {
    readonly asked: { readonly path: string; readonly sopInstanceUID: string };
    readonly answered: Presentation | null;
  };
  /** What a structured report says, to be read. */
  readonly reportText: { readonly asked: { readonly path: string }; readonly answered: Report };
  /** What a structured report says about images. */
  readonly report: { readonly asked: { readonly path: string }; readonly answered: ReportGroup[] };
  /** In the order of the files; null for one that cannot be read. */
  readonly projections: {
    readonly asked: { readonly paths: readonly string[] };
    readonly answered: (ProjectionHeader | null)[];
  };
  /** Of every frame of each file, in their order; none of a file that cannot be read. */
  readonly geometry: {
    readonly asked: { readonly files: readonly { readonly path: string; readonly frames: number }[] };
    readonly answered: FrameGeometry[][];
  };
  /** What the pixels' values of a frame are, as the file has them, and what its millimetres mean; null of a file that cannot be read. */
  readonly units: {
    readonly asked: { readonly files: readonly { readonly path: string; readonly frame: number }[] };
    readonly answered: (Units | null)[];
  };
  readonly shapes: { readonly asked: ShapesAsked; readonly answered: Shapes };
  /** ROIs of a structure set that are on none of the frames. */
  readonly undrawn: {
    readonly asked: { readonly path: string; readonly frames: SeriesFrames };
    readonly answered: UndrawnRegions;
  };
}

export type ObjectTask = {
  [Kind in keyof ObjectTasks]: { readonly kind: Kind; readonly asked: ObjectTasks[Kind]['asked'] };
}[keyof ObjectTasks];

export type ObjectAnswer =
  | { readonly answered: ObjectTasks[keyof ObjectTasks]['answered'] }
  | { readonly fault: FaultValue };

const codecs = openWasmCodecs();
const overlays = overlayReader(codecs);

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
    case 'presentation':
      return presentationState(readHeaderFile(task.asked.path, { keepItems: true }).dataSet, task.asked.sopInstanceUID);
    case 'report':
      return reportGroups(readHeaderFile(task.asked.path, { keepItems: true }).dataSet);
    case 'reportText':
      return reportText(readHeaderFile(task.asked.path, { keepItems: true }).dataSet);
    case 'projections':
      return task.asked.paths.map(projectionOf);
    case 'geometry':
      return task.asked.files.map(geometryOf);
    case 'units':
      return task.asked.files.map(unitsOf);
    case 'shapes':
      return shapesOn(task.asked);
    case 'undrawn':
      return undrawnRegions(wholeDataset(task.asked.path), task.asked.frames);
  }
}

function projectionOf(path: string): ProjectionHeader | null {
  try {
    return projectionHeader(readHeaderFile(path, { keepItems: true }).dataSet);
  } catch {
    return null;
  }
}

function geometryOf({ path, frames }: { readonly path: string; readonly frames: number }): FrameGeometry[] {
  try {
    const { dataSet } = readHeaderFile(path, { keepItems: true });
    return Array.from({ length: Math.max(1, frames) }, (_, frame) => frameGeometry(dataSet, frame));
  } catch {
    return [];
  }
}

function unitsOf({ path, frame }: { readonly path: string; readonly frame: number }): Units | null {
  try {
    const { dataSet } = readHeaderFile(path, { keepItems: true });
    const { modality, rescaleType = 'HU' } = modalityDescription(dataSet, frame - 1);
    // Rescaled CT holds HU unless RescaleType says otherwise (PS3.3 C.8.2.1.1.2).
    const unit = uptakeOf(dataSet)?.unit ?? (modality === 'CT' && rescaleType === 'HU' ? 'HU' : '');
    return { unit, spacingKind: frameGeometry(dataSet, frame - 1).spacingKind };
  } catch {
    return null;
  }
}

async function shapesOn({ overlayPath, path, sopInstanceUID, frame }: ShapesAsked): Promise<Shapes> {
  const target = overlayTarget(path, sopInstanceUID, frame);
  return { rows: target.rows, columns: target.columns, shapes: await overlays.shapesOn(overlayPath, target) };
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
