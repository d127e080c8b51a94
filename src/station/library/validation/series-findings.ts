// The findings of one series, from what the index holds of all its instances.
import type { Finding, FindingKind } from '../../../contract/import-report.ts';
import { foundAt } from '../instance-path.ts';
import { isDecodableSyntax } from '../pixels/encapsulated.ts';
import { burnedInSuspicion } from './burned-in.ts';
import {
  evenWithinMm,
  evenWithinShare,
  type Gap,
  median,
  type Slice,
  stackFindings,
  straightWithinDegrees,
} from './slice-stack.ts';

export interface CheckedSeries {
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly modality: string;
  readonly description: string;
  readonly seriesNumber: number | null;
  readonly patientID: string;
}

/** One instance as the index holds it. What is null was imported before the index kept it, or is not in the header. */
export interface CheckedInstance {
  readonly sopInstanceUID: string;
  readonly path: string;
  readonly isCopy: number;
  /** As in the index: where a copy was found. */
  readonly source: string | null;
  readonly sopClassUID: string;
  readonly transferSyntaxUID: string;
  readonly instanceNumber: number | null;
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  readonly position: number | null;
  readonly normal: string;
  readonly damaged: string | null;
  readonly acquisition: string | null;
  readonly acquisitionTime: string | null;
  readonly pixelSpacing: string | null;
  readonly alongRow: number | null;
  readonly alongColumn: number | null;
  readonly gantryTilt: number | null;
  readonly burnedIn: string | null;
  readonly missing: string | null;
}

/** Normals nearer than this are one orientation, degrees. */
const sameOrientationDegrees = 1;
/** PixelSpacings nearer than this share are one. */
const samePixelSpacingShare = 0.001;

const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
const mm = (value: number): string => `${Number(value.toFixed(2))} mm`;

export function seriesFindings(series: CheckedSeries, instances: readonly CheckedInstance[]): Finding[] {
  const findings: Finding[] = [];
  const { studyInstanceUID, seriesInstanceUID } = series;
  const subject = subjectOf(series);
  const add = (kind: FindingKind, count: number, what: string): void =>
    void findings.push({ kind, studyInstanceUID, seriesInstanceUID, subject, what, count });
  const all = instances.length;
  const images = instances.filter((one) => one.frames > 0 && one.rows > 0 && one.columns > 0);

  // Each by its name: it is to be exported again.
  for (const one of instances)
    if (one.damaged !== null)
      findings.push({
        kind: 'damaged',
        studyInstanceUID,
        seriesInstanceUID,
        subject: fileOf(one),
        count: 1,
        what: `${subject}: ${one.damaged}.`,
      });
  for (const [uid, group] of groups(images, (one) =>
    isDecodableSyntax(one.transferSyntaxUID) ? null : one.transferSyntaxUID,
  ))
    add(
      'unsupported-transfer-syntax',
      group.length,
      `${share(group.length, all)}: transfer syntax ${uid}, which ImagiQ cannot decode.`,
    );
  if (series.patientID === '') add('missing-patient-id', all, `${counted(all, 'file')} without PatientID.`);
  addMissing(instances, add);
  addBurnedIn(series, images, add);

  addMixed(images, add);
  const slices = images.filter((one) => one.frames === 1 && one.position !== null && one.normal !== '');
  const orientations = orientationsOf(slices);
  if (orientations.length > 1) {
    const names = orientations.map((group) => `${group.length} ${planeOf(group[0]!.normal)}`).join(', ');
    add('mixed-orientations', slices.length, `${counted(orientations.length, 'orientation')} in one series: ${names}.`);
  }
  addStacks(orientations, add);
  return findings;
}

type Add = (kind: FindingKind, count: number, what: string) => void;

function addMissing(instances: readonly CheckedInstance[], add: Add): void {
  const counts = new Map<string, number>();
  for (const { missing } of instances)
    for (const keyword of missing === null || missing === '' ? [] : missing.split('\\'))
      counts.set(keyword, (counts.get(keyword) ?? 0) + 1);
  if (counts.size === 0) return;
  const all = instances.length;
  const list = [...counts].map(([keyword, count]) => (count === all ? keyword : `${keyword} (in ${count} of ${all})`));
  add('missing-attributes', Math.max(...counts.values()), `Absent or empty: ${list.join(', ')}.`);
}

function addBurnedIn({ modality }: CheckedSeries, images: readonly CheckedInstance[], add: Add): void {
  for (const [why, group] of groups(images, (one) =>
    one.burnedIn === null
      ? null
      : burnedInSuspicion({ burnedIn: one.burnedIn, modality, sopClassUID: one.sopClassUID }),
  ))
    add('burned-in-text', group.length, `${share(group.length, images.length, 'image')}: ${why}.`);
}

/** Spacings and orientations told apart in one series; each image is compared with all, and a series beyond this is no stack. */
const mostGroups = 200;

function addMixed(images: readonly CheckedInstance[], add: Add): void {
  const sizes = groups(images, (one) => `${one.columns}×${one.rows}`);
  if (sizes.length > 1)
    add('mixed-image-sizes', images.length, `${counted(sizes.length, 'image size')}: ${listed(sizes)}.`);
  const spacings: { readonly mm: number[]; readonly written: string; count: number }[] = [];
  for (const { pixelSpacing } of images) {
    const values = (pixelSpacing ?? '').split('\\').map(Number);
    if (values.length !== 2 || !values.every((value) => value > 0)) continue;
    const held = spacings.find((one) =>
      one.mm.every((value, axis) => Math.abs(value - values[axis]!) <= value * samePixelSpacingShare),
    );
    if (held) held.count += 1;
    else if (spacings.length < mostGroups)
      spacings.push({ mm: values, written: values.map((value) => Number(value.toFixed(4))).join('×'), count: 1 });
  }
  if (spacings.length < 2) return;
  const list = spacings.slice(0, 5).map((one) => `${one.count} with ${one.written} mm`);
  add(
    'mixed-pixel-spacings',
    images.length,
    `${counted(spacings.length, 'pixel spacing')}: ${ended(list, spacings.length)}.`,
  );
}

function addStacks(orientations: readonly CheckedInstance[][], add: Add): void {
  const gaps: Gap[] = [];
  const duplicates: Slice[] = [];
  const tilts: number[] = [];
  let tilted = 0;
  let total = 0;
  let uneven: string | null = null;
  for (const orientation of orientations)
    for (const [, group] of groups(orientation, (one) => `${one.columns}×${one.rows}`)) {
      total += group.length;
      const leaning = group.filter((one) => Math.abs(one.gantryTilt ?? 0) > straightWithinDegrees);
      tilted += leaning.length;
      for (const { gantryTilt } of leaning) tilts.push(gantryTilt ?? 0);
      const found = stackFindings(group.flatMap(sliceOf));
      for (const gap of found.gaps) gaps.push(gap);
      for (const duplicate of found.duplicates) duplicates.push(duplicate);
      if (found.uneven !== null) {
        const { spacingMm, smallestMm, largestMm } = found.uneven;
        uneven ??= `Steps from ${mm(smallestMm)} to ${mm(largestMm)}, most of them ${mm(spacingMm)} (even means within ${mm(evenWithinMm)} or ${evenWithinShare * 100} %).`;
      }
      if (found.shearDegrees !== null && leaning.length === 0) {
        tilted += group.length;
        tilts.push(found.shearDegrees);
      }
    }
  if (gaps.length > 0) {
    const missing = gaps.reduce((sum, gap) => sum + gap.missing, 0);
    const places = gaps
      .slice(0, 3)
      .map((gap) => `${gap.missing} between ${placeOf(gap.after)} and ${placeOf(gap.before)}`);
    add('missing-slices', missing, `${counted(missing, 'slice')} missing: ${ended(places, gaps.length)}.`);
  }
  if (duplicates.length > 0) {
    const places = [...new Set(duplicates.map((slice) => mm(slice.position)))];
    add(
      'duplicate-slices',
      duplicates.length,
      `${counted(duplicates.length, 'image')} at a position that another holds: ${ended(places.slice(0, 5), places.length)}.`,
    );
  }
  if (uneven !== null) add('uneven-spacing', total, uneven);
  if (tilted > 0)
    add(
      'gantry-tilt',
      tilted,
      `${share(tilted, total, 'slice')} tilted by ${Number(Math.abs(median(tilts)).toFixed(1))}°.`,
    );
}

function sliceOf(one: CheckedInstance): Slice[] {
  if (one.position === null || one.alongRow === null || one.alongColumn === null) return [];
  return [
    {
      position: one.position,
      alongRow: one.alongRow,
      alongColumn: one.alongColumn,
      instanceNumber: one.instanceNumber,
      acquisition: one.acquisition ?? '',
      acquisitionTime: one.acquisitionTime ?? '',
    },
  ];
}

function orientationsOf(slices: readonly CheckedInstance[]): CheckedInstance[][] {
  const orientations: { readonly normal: number[]; readonly slices: CheckedInstance[] }[] = [];
  const cosine = Math.cos((sameOrientationDegrees * Math.PI) / 180);
  for (const [written, group] of groups(slices, (one) => one.normal)) {
    const normal = written.split(' ').map(Number);
    const length = Math.hypot(...normal);
    const held = orientations.find(
      (one) =>
        one.normal.reduce((sum, value, axis) => sum + value * normal[axis]!, 0) >=
        cosine * length * Math.hypot(...one.normal),
    );
    if (held) for (const slice of group) held.slices.push(slice);
    else if (orientations.length < mostGroups) orientations.push({ normal, slices: [...group] });
  }
  return orientations.map((one) => one.slices);
}

function planeOf(normal: string): string {
  const across = normal.split(' ').map((value) => Math.abs(Number(value)));
  const largest = Math.max(...across);
  const plane = ['sagittal', 'coronal', 'axial'][across.indexOf(largest)] ?? '';
  return largest < 0.999 ? `oblique ${plane}` : plane;
}

const placeOf = (slice: Slice): string =>
  slice.instanceNumber === null ? mm(slice.position) : `${mm(slice.position)} (image ${slice.instanceNumber})`;

/** As a person knows it: what came over the network has no name of its own. */
function fileOf({ path: place, isCopy, source, sopInstanceUID }: CheckedInstance): string {
  return foundAt({ path: place, isCopy, source }) ?? `SOP Instance ${sopInstanceUID}`;
}

/** What a series is called; by its UID where nothing else tells it from others. */
function subjectOf({ seriesNumber, modality, description, seriesInstanceUID }: CheckedSeries): string {
  if (description === '' && (seriesNumber === null || modality === '')) return `Series ${seriesInstanceUID}`;
  const number = seriesNumber === null ? 'Series' : `Series ${seriesNumber}`;
  return [number, modality, description].filter((part) => part !== '').join(' · ');
}

const share = (count: number, all: number, one = 'file'): string =>
  count === all ? `${all === 1 ? '' : 'All '}${counted(all, one)}` : `${count} of ${counted(all, one)}`;

const ended = (list: readonly string[], all: number): string =>
  list.length < all ? `${list.join(', ')} and ${all - list.length} more` : list.join(', ');

const listed = (parts: readonly (readonly [string, readonly unknown[]])[]): string =>
  ended(
    parts.slice(0, 5).map(([name, group]) => `${group.length} of ${name}`),
    parts.length,
  );

/** Groups by a key, leaving out what has none. */
function groups<Value>(values: readonly Value[], keyOf: (value: Value) => string | null): [string, Value[]][] {
  const found = new Map<string, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    if (key === null) continue;
    const group = found.get(key);
    if (group === undefined) found.set(key, [value]);
    else group.push(value);
  }
  return [...found];
}
