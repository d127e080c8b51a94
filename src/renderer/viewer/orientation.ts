// Patient directions at the edges of an image (PS3.3 C.7.6.1.1.1): L, P, H are the positive axes of the patient's coordinates.
import type { FrameGeometry } from '../../contract/dicom.ts';
import type { Placement } from './placement.ts';

const axes = [
  ['L', 'R'],
  ['P', 'A'],
  ['H', 'F'],
] as const;

/** Up to two letters for a direction, the stronger first; components under about 7° of tilt are left out. */
export function directionLetters(direction: readonly number[]): string {
  return axes
    .map(([positive, negative], axis) => {
      const part = direction[axis] ?? 0;
      return { letter: part > 0 ? positive : negative, strength: Math.abs(part) };
    })
    .filter(({ strength }) => strength > 0.12)
    .sort((a, b) => b.strength - a.strength)
    .slice(0, 2)
    .map(({ letter }) => letter)
    .join('');
}

export interface EdgeLetters {
  readonly top: string;
  readonly right: string;
  readonly bottom: string;
  readonly left: string;
}

/** Null where the file does not say how the image lies. */
export function edgeLetters(geometry: FrameGeometry, placement: Placement): EdgeLetters | null {
  const { orientation, patientOrientation } = geometry;
  if (orientation) return byCosines(orientation, placement);
  return patientOrientation ? byNames(patientOrientation, placement) : null;
}

const opposites: Readonly<Record<string, string>> = { A: 'P', P: 'A', R: 'L', L: 'R', H: 'F', F: 'H' };

/** A turned image takes the letters of the side that is nearer. */
function byNames([row, column]: readonly [string, string], { right, down }: Placement): EdgeLetters {
  const opposite = (letters: string): string => Array.from(letters, (letter) => opposites[letter] ?? letter).join('');
  const towards = ([x, y]: readonly [number, number], sign: 1 | -1): string => {
    const [part, letters] = Math.abs(x) >= Math.abs(y) ? [x, row] : [y, column];
    return part * sign > 0 ? letters : opposite(letters);
  };
  return { top: towards(down, -1), right: towards(right, 1), bottom: towards(down, 1), left: towards(right, -1) };
}

function byCosines(orientation: NonNullable<FrameGeometry['orientation']>, { right, down }: Placement): EdgeLetters {
  const [rx, ry, rz, cx, cy, cz] = orientation;
  const along = ([x, y]: readonly [number, number]): number[] => [rx * x + cx * y, ry * x + cy * y, rz * x + cz * y];
  const towards = (point: readonly [number, number], sign: 1 | -1): string =>
    directionLetters(along(point).map((part) => part * sign));
  return { top: towards(down, -1), right: towards(right, 1), bottom: towards(down, 1), left: towards(right, -1) };
}
