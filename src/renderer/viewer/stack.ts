import type { Instance } from '../../contract/dicom.ts';

/** One place in a stack: a frame of an instance. */
export interface StackItem {
  readonly instance: Instance;
  /** Counts from 1. */
  readonly frame: number;
}

/** Every frame of the instances that hold images, in their order. */
export function stackOf(instances: readonly Instance[]): StackItem[] {
  return instances
    .filter((instance) => instance.rows > 0)
    .flatMap((instance) =>
      Array.from({ length: Math.max(1, instance.frames) }, (_, frame) => ({ instance, frame: frame + 1 })),
    );
}

/** Where a frame lies in a stack; -1: nowhere. */
export function placeIn(stack: readonly StackItem[], sopInstanceUID: string, frame: number): number {
  return stack.findIndex((item) => item.instance.sopInstanceUID === sopInstanceUID && item.frame === frame);
}

/** The place that a reader sees first, and that a thumbnail shows: the one is decoded for the other. */
export function middleOf(length: number): number {
  return Math.floor((length - 1) / 2);
}

/**
 * The places around `index` in the order in which they will be wanted: those ahead, in the direction of the last step, before
 * those behind, at most `limit`.
 */
export function nearby(length: number, index: number, direction: number, limit: number): number[] {
  const ahead = direction < 0 ? -1 : 1;
  const order: number[] = [];
  for (let step = 1; order.length < limit && step < length * 2; step += 1) {
    for (const place of [index + ahead * step, step % 3 === 0 ? index - (ahead * step) / 3 : Number.NaN]) {
      if (place >= 0 && place < length && order.length < limit) order.push(place);
    }
  }
  // What lies behind beyond a third of the way ahead comes last.
  for (let step = 1; order.length < limit && step < length; step += 1) {
    const place = index - ahead * step;
    if (place >= 0 && place < length && !order.includes(place)) order.push(place);
  }
  return order;
}
