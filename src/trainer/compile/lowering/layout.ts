// How a value's numbers lie in memory. Logical shapes are always TensorFlow.js's; ONNX's convolutions want images as
// NCHW and filters as OIHW, so that rank-4 values keep those layouts from kernel to kernel.

/** `plain`: as the logical shape says. `image`: logical NHWC as NCHW. `filter`: logical HWIO as OIHW. */
export type Layout = 'plain' | 'image' | 'filter';

/** physical axis → logical axis. */
const orders: Record<Layout, readonly number[] | null> = {
  plain: null,
  image: [0, 3, 1, 2],
  filter: [3, 2, 0, 1],
};

export function physicalShape(shape: readonly number[], layout: Layout): readonly number[] {
  const order = orders[layout];
  return order === null ? shape : order.map((axis) => shape[axis]!);
}

/** The order for a transposition from `plain` to the layout. */
export function orderTo(layout: 'image' | 'filter'): readonly number[] {
  return orders[layout]!;
}

/** The order for a transposition from the layout to `plain`. */
export function orderFrom(layout: 'image' | 'filter'): readonly number[] {
  const order = orders[layout]!;
  return order.map((_, axis) => order.indexOf(axis));
}

/** Where a logical axis lies in memory. */
export function physicalAxis(axis: number, layout: Layout): number {
  const order = orders[layout];
  return order === null ? axis : order.indexOf(axis);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, index) => size === b[index]);
}

/** Whether a transposition between plain and this layout moves nothing: at most one axis group has more than one value. */
export function isTrivialTransposition(shape: readonly number[], order: readonly number[]): boolean {
  const moved = order.filter((axis) => shape[axis] !== 1);
  return moved.every((axis, index) => index === 0 || moved[index - 1]! < axis);
}
