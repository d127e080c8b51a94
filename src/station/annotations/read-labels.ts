// Reads labels out of the library's segmentations, structure sets and reports, and keeps them as stored labels.
import type { z } from 'zod';
import type { LabelProgress, LabelReport, LabelSource, labelSourceCalls } from '../../contract/label-source.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Db } from '../library/database.ts';
import { absolutePath } from '../library/index-writer.ts';
import type { Library } from '../library/library.ts';
import { modelManufacturer } from '../library/model-made.ts';
import type { StoredLabel } from '../library/stored-labels.ts';
import { annotationFaults } from './faults.ts';
import { dot, type Point } from './image-plane.ts';
import type { LabelContents, RegionsOnPlane } from './label-contents.ts';
import type { ReportGroup } from './measurement-report.ts';
import type { ObjectThreads } from './object-threads.ts';

export interface ReadLabelsOptions {
  readonly db: Db;
  readonly folder: string;
  readonly threads: ObjectThreads;
  readonly library: Pick<Library, 'labels' | 'studies'>;
}

type Asked = z.infer<(typeof labelSourceCalls)['read-labels']['in']>;

/** Several labels of one image or series are joined by this. */
const joint = ' + ';
/** How far a segment's plane may be from the image that it is of, mm: positions of an index are those of the files. */
const planeToleranceMm = 0.5;
const progressEveryMs = 100;
const refusalsTold = 1_000;
const offeredTold = 1_000;

const classes: Readonly<Record<LabelSource, string>> = {
  SEG: '1.2.840.10008.5.1.4.1.1.66.[47]',
  RTSTRUCT: '1.2.840.10008.5.1.4.1.1.481.3',
  SR: '1.2.840.10008.5.1.4.1.1.88.*',
};

interface ObjectRow {
  sopInstanceUID: string;
  seriesInstanceUID: string;
  path: string;
  isCopy: number;
}
interface ImageRow {
  sopInstanceUID: string;
  seriesInstanceUID: string;
  position: number | null;
  normal: string;
  frames: number;
}

export interface LabelReading {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LabelProgress) => void;
}

/** @throws Fault 631 where it is cancelled; nothing is changed then */
export async function readLabels(
  { db, folder, threads, library }: ReadLabelsOptions,
  asked: Asked,
  { signal, onProgress }: LabelReading,
): Promise<LabelReport> {
  const objects = objectsOf(db, library, asked.origin, asked.query);
  const imagesIn = db.prepare<[string], ImageRow>(
    `SELECT i.sopInstanceUID, r.seriesInstanceUID, i.position, i.normal, i.frames
     FROM series r JOIN instances i ON i.series = r.id WHERE r.seriesInstanceUID = ?`,
  );
  const imageOf = db.prepare<[string], ImageRow>(
    `SELECT i.sopInstanceUID, r.seriesInstanceUID, i.position, i.normal, i.frames
     FROM instances i JOIN series r ON r.id = i.series WHERE i.sopInstanceUID = ?`,
  );
  const found = new FoundLabels(asked);
  const refused: LabelReport['refused'] = [];
  let read = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  for (const [done, object] of objects.entries()) {
    if (signal.aborted) throw annotationFaults.labelsCancelled(done, objects.length);
    if (performance.now() - toldMs >= progressEveryMs) {
      toldMs = performance.now();
      onProgress({ done, found: objects.length });
    }
    try {
      const path = absolutePath(folder, object);
      if (asked.origin === 'SR') found.addReport(await threads.ask('report', { path }), imageOf);
      else {
        const contents = await threads.ask('contents', { path });
        if (contents === null) throw annotationFaults.noOverlay();
        found.addContents(contents, imagesIn, imageOf);
      }
      read += 1;
    } catch (thrown) {
      const { message } = faultValueOf(thrown);
      if (refused.length < refusalsTold) refused.push({ sopInstanceUID: object.sopInstanceUID, reason: message });
    }
  }
  onProgress({ done: objects.length, found: objects.length });
  if (signal.aborted) throw annotationFaults.labelsCancelled(objects.length, objects.length);
  const rows = found.rows(imagesIn);
  // Only a reading of everything knows that an earlier label is out of date: a query leaves objects out, and one that could not
  // be read now was read before.
  const isWhole = asked.query.trim() === '' && read === objects.length;
  if (rows.length > 0) {
    db.transaction(() => {
      if (isWhole) library.labels.remove(asked.origin, library.labels.all(asked.origin));
      library.labels.save(asked.origin, rows);
    })();
  }
  const notHere = rows.filter(({ level, uid }) =>
    level === 'series' ? imagesIn.get(uid) === undefined : imageOf.get(uid) === undefined,
  ).length;
  return {
    objects: objects.length,
    read,
    refused,
    labels: counts(rows.map(({ label }) => label)),
    saved: rows.length,
    notHere,
    offered: counts(found.offered).slice(0, offeredTold),
  };
}

/** The objects of a class, of all studies or of those that a query finds. */
function objectsOf(db: Db, library: ReadLabelsOptions['library'], origin: LabelSource, query: string): ObjectRow[] {
  // By class beside modality: writers exist that put a report into the series of its images. What a model said is no label.
  const rows = db
    .prepare<[string, string], ObjectRow & { studyInstanceUID: string }>(
      `SELECT i.sopInstanceUID, r.seriesInstanceUID, s.studyInstanceUID, i.path, i.isCopy
       FROM instances i JOIN series r ON r.id = i.series JOIN studies s ON s.id = r.study
       WHERE (r.modality = ? OR i.sopClassUID GLOB ?) AND r.manufacturer <> '${modelManufacturer}' ORDER BY i.sopInstanceUID`,
    )
    .all(origin, classes[origin]);
  if (query.trim() === '' || rows.length === 0) return rows;
  const found = studiesOf(library, query);
  return rows.filter(({ studyInstanceUID }) => found.has(studyInstanceUID));
}

function studiesOf(library: ReadLabelsOptions['library'], query: string): Set<string> {
  const found = new Set<string>();
  const limit = 1_000;
  for (let offset = 0; ; offset += limit) {
    const { total, studies } = library.studies({
      query,
      filters: [],
      limit,
      offset,
      sortBy: 'studyDate',
      descending: true,
    });
    for (const { studyInstanceUID } of studies) found.add(studyInstanceUID);
    if (offset + limit >= total) return found;
  }
}

type ImagesIn = { all(uid: string): ImageRow[]; get(uid: string): ImageRow | undefined };
type ImageOf = { get(uid: string): ImageRow | undefined };

/** Labels gathered by image or series. */
class FoundLabels {
  readonly offered: string[] = [];
  readonly #asked: Asked;
  readonly #map: ReadonlyMap<string, string>;
  readonly #byImage = new Map<string, Set<string>>();
  readonly #bySeries = new Map<string, Set<string>>();
  /** Series that an object refers to: what it does not touch in them may be a negative. */
  readonly #referenced = new Set<string>();

  constructor(asked: Asked) {
    this.#asked = asked;
    this.#map = new Map(asked.map.map(({ from, to }) => [from.trim(), to.trim()]));
  }

  addContents(contents: LabelContents, imagesIn: ImagesIn, imageOf: ImageOf): void {
    const labels = new Map(contents.labels.map(({ number, label }) => [number, label.trim() || `region ${number}`]));
    this.offered.push(...labels.values());
    const sources = contents.images.map(({ sopInstanceUID }) => imageOf.get(sopInstanceUID)?.seriesInstanceUID);
    const series = new Set([...contents.series, ...sources.filter((uid) => uid !== undefined)]);
    // An object without the chosen region says nothing about where that is not.
    const isAbout =
      this.#asked.choice === null || contents.labels.some(({ label }) => isSameText(label, this.#asked.choice!));
    if (isAbout) for (const uid of series) this.#referenced.add(uid);
    const add = (sopInstanceUID: string, seriesUID: string | undefined, regions: readonly number[]): void => {
      for (const region of regions) {
        const label = this.#wanted(labels.get(region) ?? `region ${region}`);
        if (label !== null) this.#add(sopInstanceUID, seriesUID, label);
      }
    };
    const only = contents.series.length === 1 ? contents.series[0] : undefined;
    for (const { sopInstanceUID, regions } of contents.images) {
      add(sopInstanceUID, imageOf.get(sopInstanceUID)?.seriesInstanceUID ?? only, regions);
    }
    if (contents.planes.length === 0) return;
    const images = [...series].flatMap((uid) => imagesIn.all(uid));
    for (const plane of contents.planes) {
      for (const image of imagesOn(plane, images)) add(image.sopInstanceUID, image.seriesInstanceUID, plane.regions);
    }
  }

  addReport(groups: readonly ReportGroup[], imageOf: ImageOf): void {
    const { choice } = this.#asked;
    for (const { statements, images, series } of groups) {
      this.offered.push(...statements.map(({ concept, value }) => `${concept}: ${value}`));
      const chosen =
        choice === null
          ? (statements.find(({ isFinding }) => isFinding)?.value ?? null)
          : (statements.find(({ concept }) => isSameText(concept, choice))?.value ?? null);
      const label = chosen === null ? null : this.#mapped(chosen);
      for (const uid of images) {
        const seriesUID = imageOf.get(uid)?.seriesInstanceUID;
        if (seriesUID !== undefined && chosen !== null) this.#referenced.add(seriesUID);
        if (label !== null) this.#add(uid, seriesUID, label);
      }
      for (const uid of series) {
        if (chosen !== null) this.#referenced.add(uid);
        // A group that names no image labels its series, whatever level is asked for.
        if (label !== null) addTo(this.#bySeries, uid, label);
      }
    }
  }

  rows(imagesIn: ImagesIn): StoredLabel[] {
    const { level, negative } = this.#asked;
    const rows: StoredLabel[] = [];
    for (const [uid, labels] of this.#byImage) rows.push({ level: 'instance', uid, label: joined(labels) });
    for (const [uid, labels] of this.#bySeries) rows.push({ level: 'series', uid, label: joined(labels) });
    if (negative === null) return rows;
    for (const series of this.#referenced) {
      if (this.#bySeries.has(series)) continue;
      if (level === 'series') rows.push({ level, uid: series, label: negative });
      else {
        for (const { sopInstanceUID, frames } of imagesIn.all(series)) {
          if (frames > 0 && !this.#byImage.has(sopInstanceUID))
            rows.push({ level, uid: sopInstanceUID, label: negative });
        }
      }
    }
    return rows;
  }

  #add(sopInstanceUID: string, seriesUID: string | undefined, label: string): void {
    if (this.#asked.level === 'instance') addTo(this.#byImage, sopInstanceUID, label);
    else if (seriesUID !== undefined) addTo(this.#bySeries, seriesUID, label);
  }

  #wanted(label: string): string | null {
    const { choice } = this.#asked;
    return choice !== null && !isSameText(label, choice) ? null : this.#mapped(label);
  }

  /** Null where the map leaves it out. */
  #mapped(label: string): string | null {
    return (this.#map.get(label) ?? label) || null;
  }
}

/** The images that all points of the plane lie on, within the tolerance the nearest. */
function imagesOn({ points, among }: RegionsOnPlane, images: readonly ImageRow[]): ImageRow[] {
  let nearest = planeToleranceMm;
  let on: ImageRow[] = [];
  for (const image of images) {
    if (image.position === null || (among.length > 0 && !among.includes(image.sopInstanceUID))) continue;
    const [x = Number.NaN, y = Number.NaN, z = Number.NaN] = image.normal.split(' ').map(Number);
    const normal: Point = [x, y, z];
    const distance = Math.max(...points.map((point) => Math.abs(dot(normal, point) - image.position!)));
    if (!(distance <= nearest + 1e-3)) continue;
    if (distance < nearest - 1e-3) on = [];
    nearest = Math.min(nearest, distance);
    on.push(image);
  }
  return on;
}

const isSameText = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();
const joined = (labels: ReadonlySet<string>): string => [...labels].sort().join(joint);

function addTo(map: Map<string, Set<string>>, key: string, label: string): void {
  const known = map.get(key) ?? new Set();
  map.set(key, known.add(label));
}

function counts(labels: readonly string[]): { label: string; count: number }[] {
  const counted = new Map<string, number>();
  for (const label of labels) counted.set(label, (counted.get(label) ?? 0) + 1);
  return [...counted]
    .map(([label, count]) => ({ label, count }))
    .sort((one, other) => other.count - one.count || (one.label < other.label ? -1 : 1));
}
