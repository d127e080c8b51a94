// The labels that objects give to images and series, gathered, and why a region gave none.
import type { z } from 'zod';
import type { labelSourceCalls } from '../../contract/label-source.ts';
import type { StoredLabel } from '../library/stored-labels.ts';
import { dot, type Point } from './image-plane.ts';
import type { LabelContents, RegionsOnPlane } from './label-contents.ts';
import type { ReportGroup } from './measurement-report.ts';

export type LabelsAsked = z.infer<(typeof labelSourceCalls)['read-labels']['in']>;

/** Several labels of one image or series are joined by this. */
const joint = ' + ';
/** How far a segment's plane may be from the image that it is of, mm: positions of an index are those of the files. */
const planeToleranceMm = 0.5;

export interface ImageRow {
  sopInstanceUID: string;
  seriesInstanceUID: string;
  position: number | null;
  normal: string;
  frames: number;
  path: string;
  isCopy: number;
}

/** The library's images: of a series, and by their own UID. */
export interface ImageIndex {
  readonly imagesIn: { all(seriesUID: string): ImageRow[]; get(seriesUID: string): ImageRow | undefined };
  readonly imageOf: { get(sopInstanceUID: string): ImageRow | undefined };
}

/** Regions of an object that gave no label for one reason; none of them where it is the whole object. */
export interface Unlabelled {
  readonly regions: readonly string[];
  readonly reason: string;
}

/** Series that an object refers to, those of its images among them. */
export function seriesOf({ series, images }: LabelContents, { imageOf }: ImageIndex): Set<string> {
  const sources = images.map(({ sopInstanceUID }) => imageOf.get(sopInstanceUID)?.seriesInstanceUID);
  return new Set([...series, ...sources.filter((uid) => uid !== undefined)]);
}

/** Labels gathered by image or series. */
export class FoundLabels {
  readonly offered: string[] = [];
  readonly #asked: LabelsAsked;
  readonly #map: ReadonlyMap<string, string>;
  readonly #byImage = new Map<string, Set<string>>();
  readonly #bySeries = new Map<string, Set<string>>();
  /** Series that an object refers to: what it does not touch in them may be a negative. */
  readonly #referenced = new Set<string>();

  constructor(asked: LabelsAsked) {
    this.#asked = asked;
    this.#map = new Map(asked.map.map(({ from, to }) => [from.trim(), to.trim()]));
  }

  /**
   * `spaces`: frames of reference of the series that are here, by their UID; '' where one does not say.
   * @returns its regions that gave no label although they were asked for, and why
   */
  addContents(contents: LabelContents, index: ImageIndex, spaces: ReadonlyMap<string, string>): Unlabelled[] {
    const labels = new Map(contents.labels.map(({ number, label }) => [number, label.trim() || `region ${number}`]));
    const { imagesIn, imageOf } = index;
    const nameOf = (region: number): string => labels.get(region) ?? `region ${region}`;
    this.offered.push(...labels.values());
    const series = seriesOf(contents, index);
    // An object without the chosen region says nothing about where that is not.
    const isAbout =
      this.#asked.choice === null || contents.labels.some(({ label }) => isSameText(label, this.#asked.choice!));
    if (isAbout) for (const uid of series) this.#referenced.add(uid);

    const reasons = new Map(contents.empty.map(({ region, reason }) => [region, reason]));
    const labelled = new Set<number>();
    const add = (sopInstanceUID: string, seriesUID: string | undefined, regions: readonly number[]): void => {
      for (const region of regions) {
        const label = this.#wanted(nameOf(region));
        if (label === null) continue;
        if (this.#add(sopInstanceUID, seriesUID, label)) labelled.add(region);
        else reasons.set(region, 'it is on images that are not in this library, and their series is not known');
      }
    };
    const only = contents.series.length === 1 ? contents.series[0] : undefined;
    for (const { sopInstanceUID, regions } of contents.images) {
      add(sopInstanceUID, imageOf.get(sopInstanceUID)?.seriesInstanceUID ?? only, regions);
    }
    const images = contents.planes.length === 0 ? [] : [...series].flatMap((uid) => imagesIn.all(uid));
    for (const plane of contents.planes) {
      const here = images.filter(({ seriesInstanceUID }) => isSameSpace(spaces.get(seriesInstanceUID), plane));
      const on = imagesOn(plane, here);
      for (const image of on) add(image.sopInstanceUID, image.seriesInstanceUID, plane.regions);
      if (on.length > 0) continue;
      const reason = whyOnNone(series, images, here);
      for (const region of plane.regions) reasons.set(region, reason);
    }
    const without = [...reasons].filter(([region]) => !labelled.has(region) && this.#wanted(nameOf(region)) !== null);
    return [...Map.groupBy(without, ([, reason]) => reason)].map(([reason, ofOne]) => ({
      regions: ofOne.map(([region]) => nameOf(region)),
      reason,
    }));
  }

  /** @returns why it gave no label, at most one */
  addReport(groups: readonly ReportGroup[], { imageOf }: ImageIndex): Unlabelled[] {
    const { choice } = this.#asked;
    let isChosen = false;
    let isLabelled = false;
    let isLeftOut = false;
    for (const { statements, images, series } of groups) {
      this.offered.push(...statements.map(({ concept, value }) => `${concept}: ${value}`));
      const chosen =
        choice === null
          ? (statements.find(({ isFinding }) => isFinding)?.value ?? null)
          : (statements.find(({ concept }) => isSameText(concept, choice))?.value ?? null);
      const label = chosen === null ? null : this.#mapped(chosen);
      isChosen ||= chosen !== null;
      isLeftOut ||= chosen !== null && label === null;
      for (const uid of images) {
        const seriesUID = imageOf.get(uid)?.seriesInstanceUID;
        if (seriesUID !== undefined && chosen !== null) this.#referenced.add(seriesUID);
        if (label !== null) isLabelled = this.#add(uid, seriesUID, label) || isLabelled;
      }
      for (const uid of series) {
        if (chosen !== null) this.#referenced.add(uid);
        // A group that names no image labels its series, whatever level is asked for.
        if (label === null) continue;
        addTo(this.#bySeries, uid, label);
        isLabelled = true;
      }
    }
    if (isLabelled || isLeftOut) return [];
    return [{ regions: [], reason: whyNoReport(groups, isChosen, choice) }];
  }

  rows({ imagesIn }: ImageIndex): StoredLabel[] {
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

  /** False where a series is to be labelled and it is not known which. */
  #add(sopInstanceUID: string, seriesUID: string | undefined, label: string): boolean {
    if (this.#asked.level === 'instance') addTo(this.#byImage, sopInstanceUID, label);
    else if (seriesUID === undefined) return false;
    else addTo(this.#bySeries, seriesUID, label);
    return true;
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

/** Where one of the two does not say its frame of reference, its place is believed. */
const isSameSpace = (space: string | undefined, { frameOfReferenceUID }: RegionsOnPlane): boolean =>
  (space ?? '') === '' || frameOfReferenceUID === '' || space === frameOfReferenceUID;

function whyOnNone(series: ReadonlySet<string>, images: readonly ImageRow[], here: readonly ImageRow[]): string {
  if (series.size === 0) return 'it names neither images nor a series';
  if (images.length === 0) return 'the series that it is drawn on is not in this library';
  if (here.length === 0) return 'it is drawn in another frame of reference than its series has';
  if (here.every(({ position }) => position === null)) return 'the images of its series do not say where they lie';
  return 'no image of its series lies in the plane that it is drawn in';
}

function whyNoReport(groups: readonly ReportGroup[], isChosen: boolean, choice: string | null): string {
  if (groups.length === 0) return 'it has no measurement group (PS3.16 TID 1500) that says anything';
  if (!isChosen) return choice === null ? 'no measurement group has a finding' : `no measurement group has “${choice}”`;
  if (groups.every(({ images, series }) => images.length === 0 && series.length === 0))
    return 'its measurement groups name neither images nor a series';
  return 'it is about images that are not in this library, and their series is not known';
}

const isSameText = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();
const joined = (labels: ReadonlySet<string>): string => [...labels].sort().join(joint);

function addTo(map: Map<string, Set<string>>, key: string, label: string): void {
  const known = map.get(key) ?? new Set();
  map.set(key, known.add(label));
}

export function counts(labels: readonly string[]): { label: string; count: number }[] {
  const counted = new Map<string, number>();
  for (const label of labels) counted.set(label, (counted.get(label) ?? 0) + 1);
  return [...counted]
    .map(([label, count]) => ({ label, count }))
    .sort((one, other) => other.count - one.count || (one.label < other.label ? -1 : 1));
}
