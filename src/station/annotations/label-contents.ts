// What a segmentation or structure set says about images: which regions lie on which of them.
import type { DataSet } from '../library/dataset.ts';
import { codeOf, numberOf } from '../library/pixels/attributes.ts';
import { storedValuesOf } from '../library/pixels/frame-values.ts';
import { frameGeometry } from '../library/pixels/geometry.ts';
import { readFrameOf } from '../library/pixels/read-frame.ts';
import type { WasmCodecs } from '../library/pixels/wasm-codecs.ts';
import { imagePlane, inPatient, type Point } from './image-plane.ts';
import { objectTags, overlayClasses } from './object-tags.ts';
import { overlayDescription } from './overlay-description.ts';
import { segmentationOf } from './segmentation-frames.ts';
import { contoursOf, roisWithContours } from './structure-set.ts';

export interface RegionsOnImage {
  readonly sopInstanceUID: string;
  readonly regions: readonly number[];
}

export interface RegionsOnPlane {
  /** Points of a plane in patient coordinates, mm: the image that they all lie on is meant. */
  readonly points: readonly Point[];
  /** Only one of these where there are any. */
  readonly among: readonly string[];
  /** '' where the object does not say. */
  readonly frameOfReferenceUID: string;
  readonly regions: readonly number[];
}

export interface LabelContents {
  readonly labels: readonly { readonly number: number; readonly label: string }[];
  readonly series: readonly string[];
  readonly images: readonly RegionsOnImage[];
  readonly planes: readonly RegionsOnPlane[];
  /** Regions that lie nowhere, and why. */
  readonly empty: readonly { readonly region: number; readonly reason: string }[];
}

/** Points of a contour that are told of its plane. */
const pointsTold = 8;

/** Null where the data set is neither. */
export async function labelContents(dataset: DataSet, codecs: WasmCodecs): Promise<LabelContents | null> {
  const description = overlayDescription(dataset);
  if (description === null) return null;
  const labels = description.regions.map(({ number, label }) => ({ number, label }));
  const isSegmentation = overlayClasses[codeOf(dataset, dataset, objectTags.SOPClassUID)] === 'SEG';
  const found = isSegmentation ? await ofSegmentation(dataset, codecs) : ofStructureSet(dataset);
  const placed = new Set([...found.images, ...found.planes].flatMap(({ regions }) => regions));
  // Of a label map, 0 is the background.
  const isRegion = (number: number): boolean => !isSegmentation || number !== 0;
  const empty = labels
    .filter(({ number }) => isRegion(number) && !placed.has(number))
    .map(({ number }) => ({ region: number, reason: found.whyEmpty(number) }));
  return { labels, series: description.series, images: found.images, planes: found.planes, empty };
}

interface Found extends Pick<LabelContents, 'images' | 'planes'> {
  /** Why a region is on none of them. */
  readonly whyEmpty: (region: number) => string;
}

async function ofSegmentation(dataset: DataSet, codecs: WasmCodecs): Promise<Found> {
  const images = new Map<string, Set<number>>();
  const planes: RegionsOnPlane[] = [];
  const placeless = new Set<number>();
  for (const { frame, segment, sources } of segmentationOf(dataset).frames) {
    const values = storedValuesOf(await readFrameOf(dataset, frame, codecs));
    const regions =
      segment === null
        ? [...new Set(values)].filter((value) => value > 0)
        : values.some((value) => value > 0)
          ? [segment]
          : [];
    if (regions.length === 0) continue;
    const named = [...new Set(sources.map(({ sopInstanceUID }) => sopInstanceUID))];
    if (named.length === 1) {
      const known = images.get(named[0]!) ?? new Set();
      images.set(named[0]!, known);
      for (const region of regions) known.add(region);
      continue;
    }
    const rows = numberOf(dataset, dataset, objectTags.Rows) ?? 0;
    const columns = numberOf(dataset, dataset, objectTags.Columns) ?? 0;
    const geometry = frameGeometry(dataset, frame - 1);
    const plane = imagePlane(geometry, rows, columns);
    if (plane === null) {
      for (const region of regions) placeless.add(region);
      continue;
    }
    const points = [inPatient(plane, 0, 0), inPatient(plane, columns, 0), inPatient(plane, 0, rows)];
    planes.push({ points, among: named, frameOfReferenceUID: geometry.frameOfReferenceUID ?? '', regions });
  }
  return {
    images: [...images].map(([sopInstanceUID, regions]) => ({ sopInstanceUID, regions: [...regions] })),
    planes,
    whyEmpty: (region) =>
      placeless.has(region)
        ? 'its frames name neither one image nor a place in the patient'
        : 'no pixel of it is set in any frame',
  };
}

function ofStructureSet(dataset: DataSet): Found {
  const images = new Map<string, Set<number>>();
  const planes: RegionsOnPlane[] = [];
  const listed = roisWithContours(dataset);
  for (const { roi, sopInstanceUID, points, frameOfReferenceUID } of contoursOf(dataset)) {
    if (sopInstanceUID !== '') {
      const known = images.get(sopInstanceUID) ?? new Set();
      images.set(sopInstanceUID, known.add(roi));
      continue;
    }
    const count = points.length / 3;
    const step = Math.max(1, Math.floor(count / pointsTold));
    const told: Point[] = [];
    for (let index = 0; index < count; index += step) {
      told.push([points[index * 3]!, points[index * 3 + 1]!, points[index * 3 + 2]!]);
    }
    planes.push({ points: told, among: [], frameOfReferenceUID, regions: [roi] });
  }
  return {
    images: [...images].map(([sopInstanceUID, regions]) => ({ sopInstanceUID, regions: [...regions] })),
    planes,
    whyEmpty: (region) => (listed.has(region) ? 'its contours have no points that can be read' : 'it has no contours'),
  };
}
