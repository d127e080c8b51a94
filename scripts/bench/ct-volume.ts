// A generated CT series with true geometry: columns towards the left, rows towards the back, slices towards the head.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodePart10 } from '../../src/station/library/encode-part10.ts';
import { practiceSites } from '../../src/station/practice/practice-studies.ts';
import { practiceElements } from '../../src/station/practice/study-header.ts';

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
}

/** Writes one file a slice into a new folder. */
export function writeCtVolume(
  folder: string,
  { side, slices, positionMmOf = (slice) => slice * 2, valueAt, number }: CtVolume,
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
        const value = valueAt((column + 0.5) / side, (row + 0.5) / side, (slice + 0.5) / slices);
        pixels[row * side + column] = Math.round(value) - intercept;
      }
    }
    const elements = practiceElements({
      site,
      key: `ct-volume-${number}`,
      number,
      slice,
      positionMm: positionMmOf(slice),
      side,
      pixels,
    });
    const text = (tag: string): string => {
      const value = elements.find((element) => element.tag === tag)?.value;
      return typeof value === 'string' ? value : '';
    };
    writeFileSync(path.join(folder, `${slice}.dcm`), encodePart10(elements, text('00080016'), text('00080018')));
  }
}
