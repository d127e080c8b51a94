// The colours of a heat map, the same in the window and in what the station writes.

/** From cold to hot. Where the model did not look nothing is painted, so that the image stays as it is. */
export const heatScale: readonly (readonly [number, number, number])[] = [
  [64, 60, 190],
  [190, 50, 140],
  [240, 110, 50],
  [255, 225, 80],
];

/** RGBA by pixel. @param heat 0…255 by row */
export function heatPixels(heat: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(heat.length * 4);
  heat.forEach((value, index) => {
    const at = (value / 255) * (heatScale.length - 1);
    const low = Math.min(heatScale.length - 2, Math.floor(at));
    const [cold, hot] = [heatScale[low]!, heatScale[low + 1]!];
    for (let channel = 0; channel < 3; channel += 1) {
      pixels[index * 4 + channel] = cold[channel]! + (hot[channel]! - cold[channel]!) * (at - low);
    }
    // The weakest quarter fades out.
    pixels[index * 4 + 3] = Math.min(255, value * 4);
  });
  return pixels;
}
