// Polygons filled by the even-odd rule (PS3.3 C.8.8.6.3): a pixel is in where its centre is.

/**
 * Row-major rows × columns, 1 inside.
 * @param polygons column, row alternating, 0,0 at the outer corner of the first pixel, closed
 */
export function polygonMask(polygons: readonly Float32Array[], rows: number, columns: number): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array(rows * columns);
  /** Columns where an edge crosses the line of the row's centres. */
  const crossings = Array.from({ length: rows }, (): number[] => []);
  for (const points of polygons) {
    for (let at = 0; at + 1 < points.length; at += 2) {
      const next = (at + 2) % points.length;
      const [x0, y0, x1, y1] = [points[at]!, points[at + 1]!, points[next]!, points[next + 1]!];
      if (y0 === y1) continue;
      const first = Math.max(0, Math.ceil(Math.min(y0, y1) - 0.5));
      const last = Math.min(rows - 1, Math.ceil(Math.max(y0, y1) - 0.5) - 1);
      for (let row = first; row <= last; row += 1) {
        crossings[row]!.push(x0 + ((row + 0.5 - y0) * (x1 - x0)) / (y1 - y0));
      }
    }
  }
  crossings.forEach((places, row) => {
    places.sort((a, b) => a - b);
    for (let at = 0; at + 1 < places.length; at += 2) {
      const first = Math.max(0, Math.ceil(places[at]! - 0.5));
      const last = Math.min(columns - 1, Math.ceil(places[at + 1]! - 0.5) - 1);
      if (last >= first) mask.fill(1, row * columns + first, row * columns + last + 1);
    }
  });
  return mask;
}
