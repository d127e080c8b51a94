// Display shutters of a presentation state (PS3.3 C.7.6.11, C.7.6.15): edges, centre and vertices are named by pixels counted from 1.
import type { PresentedShutter } from '../../contract/presentation.ts';
import type { DataSet } from '../library/dataset.ts';
import { codesOf, numberOf, numbersAt } from '../library/pixels/attributes.ts';
import { stateTags } from './presentation-tags.ts';

const verticesLimit = 2_000;

export function shuttersOf(dataset: DataSet): { shown: PresentedShutter[]; hasBitmap: boolean } {
  const shapes = codesOf(dataset, dataset, stateTags.ShutterShape);
  return { shown: shapes.flatMap((shape) => shutterOf(dataset, shape)), hasBitmap: shapes.includes('BITMAP') };
}

function shutterOf(dataset: DataSet, shape: string): PresentedShutter[] {
  const number = (tag: number): number | null => numberOf(dataset, dataset, tag);
  if (shape === 'RECTANGULAR') {
    const left = number(stateTags.ShutterLeftVerticalEdge);
    const top = number(stateTags.ShutterUpperHorizontalEdge);
    const right = number(stateTags.ShutterRightVerticalEdge);
    const bottom = number(stateTags.ShutterLowerHorizontalEdge);
    if (left === null || top === null || right === null || bottom === null) return [];
    return [{ shape, topLeft: [left - 1, top - 1], bottomRight: [right, bottom] }];
  }
  if (shape === 'CIRCULAR') {
    // Row before column.
    const [row, column] = numbersAt(dataset, dataset, stateTags.CenterOfCircularShutter, 2) ?? [];
    const radius = number(stateTags.RadiusOfCircularShutter);
    if (row === undefined || column === undefined || radius === null || radius <= 0) return [];
    return [{ shape, center: [column - 0.5, row - 0.5], radius }];
  }
  if (shape === 'POLYGONAL') {
    const numbers = numbersAt(dataset, dataset, stateTags.VerticesOfThePolygonalShutter, 2 * verticesLimit) ?? [];
    const points = Array.from({ length: Math.floor(numbers.length / 2) }, (_, at): [number, number] => [
      numbers[2 * at + 1]! - 0.5,
      numbers[2 * at]! - 0.5,
    ]);
    return points.length < 3 ? [] : [{ shape, points }];
  }
  return [];
}

/** From a P-value of 16 bits; black where the file does not say. */
export function shutterShade(dataset: DataSet): number {
  const value = numberOf(dataset, dataset, stateTags.ShutterPresentationValue) ?? 0;
  return Math.min(1, Math.max(0, value / 0xffff));
}
