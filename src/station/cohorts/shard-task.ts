// What a shard is made of, as the station asks a worker thread for it, and what comes back. Images that go to no shard (a model is
// run on them) are read by the same threads.
import type { FrameGeometry } from '../../contract/dicom.ts';
import type { FaultValue } from '../../contract/fault.ts';
import type { Task } from '../../contract/network.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';

export interface FramePlace {
  /** Absolute path of the DICOM file. */
  readonly path: string;
  /** Counts from 1. */
  readonly frame: number;
}

export interface ExampleTask {
  readonly sopInstanceUID: string;
  readonly path: string;
  /** Counts from 1; null where the middle frame stands for all. */
  readonly frame: number | null;
  /** The other images of its volume in canonical order along the normal, itself among them; null where all are frames of its own file. */
  readonly stack: readonly FramePlace[] | null;
  /** Tells volumes apart: 64 keyed bits. Only of a segmentation. */
  readonly volume?: readonly [number, number];
  readonly masks: readonly {
    /** Of the SEG or RTSTRUCT. */
    readonly path: string;
    /** Region (SegmentNumber or ROINumber) and class index. */
    readonly classes: readonly (readonly [number, number])[];
  }[];
}

export interface ShardTask {
  /** Where shards are written. */
  readonly folder: string;
  /** 32 hexadecimal digits: the same recipe gives the same shard. */
  readonly recipe: string;
  readonly task: Task;
  readonly classes: number;
  readonly chain: Preprocessing;
  readonly examples: readonly ExampleTask[];
  /** Examples that are left out with this reason: they ended a thread before. */
  readonly skipped: readonly { readonly index: number; readonly reason: string }[];
}

/** How large frames are in the canonical direction: of several, the largest height and width and the finest spacing. */
export interface Extent {
  readonly heightMm: number;
  readonly widthMm: number;
  readonly finestSpacingMm: number;
}

/** Images only. */
export interface MeasureTask {
  readonly measure: readonly FramePlace[];
}

/** A shard that was written earlier. */
export interface RecallTask {
  /** Its file. */
  readonly recall: string;
  readonly folder: string;
}

/** Images for a model that is run on them, without masks. */
export interface ReadTask {
  readonly read: readonly ExampleTask[];
  readonly chain: Preprocessing;
  /** As of a shard. */
  readonly skipped: ShardTask['skipped'];
}

/** One image as the network sees it, and the frame that it came from. */
export interface ReadImage {
  readonly image: Uint16Array<ArrayBuffer>;
  readonly place: { readonly rows: number; readonly columns: number; readonly geometry: FrameGeometry };
}

export type AnyTask = ShardTask | MeasureTask | ReadTask | RecallTask;

/** What the thread says of its work. */
export type ShardNews =
  | { readonly kind: 'example'; readonly index: number }
  | { readonly kind: 'shard'; readonly shard: WrittenShard }
  /** Null, and its file removed, where its bytes are not those of its name. */
  | { readonly kind: 'recalled'; readonly shard: WrittenShard | null }
  /** In the order of the task. */
  | { readonly kind: 'images'; readonly images: readonly (ReadImage | { readonly reason: string })[] }
  /** Of what could be read; null where none tells its spacing. */
  | { readonly kind: 'extent'; readonly extent: Extent | null }
  | { readonly kind: 'fault'; readonly fault: FaultValue };

export interface WrittenShard {
  /** Null where no example could be read. */
  readonly file: string | null;
  readonly bytes: number;
  /** By example of the shard: its index in the task. */
  readonly kept: Int32Array;
  /** By example of the shard: mean and mean square of its image scaled to 0…1. */
  readonly moments: Float32Array;
  /** By example of the shard and class: pixels of its mask; empty where the task has no masks. */
  readonly pixels: Int32Array;
  /**
   * Of a segmentation, by example: where its slice lies along the normal, and the distances of neighbouring rows and columns of the
   * network's image, mm; NaN where that is not known.
   */
  readonly places: Float32Array;
  /** Of a segmentation, by example: its volume's 64 bits. */
  readonly volumes: Int32Array;
  /** Why examples are left out, the first reason; null where none is. */
  readonly firstReason: string | null;
}
