// A generated CT series with true geometry: columns towards the left, rows towards the back, slices towards the head.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Element, encodePart10 } from '../../src/station/library/encode-part10.ts';
import { practiceSites } from '../../src/station/practice/practice-studies.ts';
import { practiceElements, practiceUid } from '../../src/station/practice/study-header.ts';

export interface CtVolume {
  /** Rows and columns. */
  readonly side: number;
  readonly slices: number;
  /** Position of a slice along the patient, mm; 2 mm apart where absent. */
  readonly positionMmOf?: (slice: number) => number;
  /** HU at shares (0 to 1) of the width (right to left), depth (front to back) and height (feet to head). */
  readonly valueAt: (x: number, y: number, z: number) => number;
  /** Tells patients apart. */
  readonly number: number;
  /** Sagittal: columns towards the back, rows towards the feet, slices towards the left, as a second series of the same study. */
  readonly plane?: 'axial' | 'sagittal';
}

/** Writes one file a slice into a new folder. */
export function writeCtVolume(
  folder: string,
  { side, slices, positionMmOf = (slice) => slice * 2, valueAt, number, plane = 'axial' }: CtVolume,
): void {
  mkdirSync(folder, { recursive: true });
  const [site] = practiceSites;
  if (!site) throw new Error('no practice site');
  // The file's own scale: HU above the intercept.
  const intercept = site.scanner.rescaleIntercept;
  for (let slice = 0; slice < slices; slice += 1) {
    const pixels = new Int16Array(side * side);
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const [u, v, w] = [(column + 0.5) / side, (row + 0.5) / side, (slice + 0.5) / slices];
        const value = plane === 'axial' ? valueAt(u, v, w) : valueAt(w, u, 1 - v);
        pixels[row * side + column] = Math.round(value) - intercept;
      }
    }
    const axial = practiceElements({
      site,
      key: `ct-volume-${number}`,
      number,
      slice,
      positionMm: positionMmOf(slice),
      side,
      pixels,
    });
    const elements = plane === 'axial' ? axial : sagittal(axial, positionMmOf(slice), slice);
    writeFileSync(
      path.join(folder, `${slice}.dcm`),
      encodePart10(elements, textOf(elements, '00080016'), textOf(elements, '00080018')),
    );
  }
}

/** The same person and frame of reference, cut from right to left: a square field, its upper edge 100 mm above the origin. */
function sagittal(axial: readonly Element[], positionMm: number, slice: number): Element[] {
  const [, corner = '0'] = /^([^\\]*)/.exec(textOf(axial, '00200032')) ?? [];
  const study = textOf(axial, '0020000D');
  const changed: Readonly<Record<string, string>> = {
    '00080008': 'DERIVED\\SECONDARY\\REFORMATTED',
    '00080018': practiceUid(`${study}/sagittal/${slice}`),
    '0008103E': 'Chest sagittal',
    '0020000E': practiceUid(`${study}/sagittal`),
    '00200011': '2',
    '00200032': `${positionMm.toFixed(2)}\\${corner}\\100`,
    '00200037': '0\\1\\0\\0\\0\\-1',
    '00201041': positionMm.toFixed(2),
  };
  return axial.map((element) => ({ ...element, value: changed[element.tag] ?? element.value }));
}

function textOf(elements: readonly Element[], tag: string): string {
  const value = elements.find((element) => element.tag === tag)?.value;
  return typeof value === 'string' ? value : '';
}
