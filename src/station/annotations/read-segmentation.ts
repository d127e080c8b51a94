// What every pixel of a series is, out of its segmentations: DICOM SEG objects that refer to the series, among them the masks of
// research sets that an import took as such (library/intake/wrap-mask.ts). For data sets that train a segmentation.
import type { Overlay } from '../../contract/annotation.ts';
import { annotationFaults } from './faults.ts';
import type { ObjectThreads } from './object-threads.ts';

export interface SeriesSegmentation {
  /** Names of what is segmented, at most 255: the class of value v is `classes[v - 1]`; 0 is what lies outside of all. */
  readonly classes: readonly string[];
  /**
   * The label map of one frame of the series, counted from 1. A frame that no segment touches is all 0.
   * @throws Fault 106 (unknown), 108 (a file is gone), 623 (a segment cannot be brought onto the frame), and the pixels' own.
   */
  labelMap(sopInstanceUID: string, frame: number): Promise<LabelMap>;
}

export interface LabelMap {
  readonly rows: number;
  readonly columns: number;
  /** Row by row, `rows × columns`: 0 or the class's place in `classes`, counted from 1. */
  readonly labels: Uint8Array;
  /** Pixels on which several classes lie; the last of `classes` counts. */
  readonly overlapping: number;
}

export interface ReadSegmentationOptions {
  readonly threads: ObjectThreads;
  readonly overlaysOf: (seriesInstanceUID: string) => Promise<readonly Overlay[]>;
  /** Throws fault 106 for what is not here. */
  readonly pathOf: (sopInstanceUID: string) => string;
}

const mostClasses = 255;
/** A fractional segment covers a pixel from half on; masks of 0 to 255. */
const half = 128;

/**
 * Segments of one name are one class, whichever objects they are in, told apart without regard to case; their order is that of
 * objects and segments, so that a set whose masks have one list of segments has one list of classes.
 * @returns null where no segmentation refers to the series
 * @throws Fault 629 where there are more than 255 classes
 */
export async function readSegmentation(
  { threads, overlaysOf, pathOf }: ReadSegmentationOptions,
  seriesInstanceUID: string,
): Promise<SeriesSegmentation | null> {
  const overlays = (await overlaysOf(seriesInstanceUID)).filter(
    ({ kind, isPredicted }) => kind === 'SEG' && !isPredicted,
  );
  if (overlays.length === 0) return null;
  const classes: string[] = [];
  const classOf = new Map<string, number>();
  const objects = overlays.map(({ sopInstanceUID, regions }) => {
    const values = new Map<number, number>();
    for (const { number, label } of regions) {
      const name = label.trim() || `label ${number}`;
      const key = name.toLowerCase();
      if (!classOf.has(key)) classOf.set(key, classes.push(name));
      values.set(number, classOf.get(key)!);
    }
    return { sopInstanceUID, values };
  });
  if (classes.length > mostClasses) throw annotationFaults.tooManyClasses(classes.length);

  return {
    classes,
    async labelMap(sopInstanceUID, frame) {
      const path = pathOf(sopInstanceUID);
      let map: { rows: number; columns: number; labels: Uint8Array } | null = null;
      let overlapping = 0;
      for (const object of objects) {
        const overlayPath = pathOf(object.sopInstanceUID);
        const { rows, columns, shapes } = await threads.ask('shapes', { overlayPath, path, sopInstanceUID, frame });
        map ??= { rows, columns, labels: new Uint8Array(rows * columns) };
        for (const { region, mask } of shapes) {
          const value = object.values.get(region);
          if (mask === null || value === undefined) continue;
          for (let index = 0; index < mask.length; index += 1) {
            if (mask[index]! < half) continue;
            const known = map.labels[index]!;
            if (known !== 0 && known !== value) overlapping += 1;
            if (value > known) map.labels[index] = value;
          }
        }
      }
      return { ...map!, overlapping };
    },
  };
}
