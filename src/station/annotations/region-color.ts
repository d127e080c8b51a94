// Colours of regions: the file's recommended one, else one by number.
export type Color = [number, number, number];

/** Told apart on grey by most eyes; chosen by number where a file recommends none. */
const chosen: readonly Color[] = [
  [230, 85, 80],
  [70, 160, 235],
  [240, 190, 60],
  [95, 195, 110],
  [185, 120, 225],
  [80, 205, 205],
  [240, 140, 60],
  [235, 125, 180],
  [165, 200, 70],
  [125, 135, 235],
];

export const colorByNumber = (number: number): Color => [...chosen[Math.abs(Math.trunc(number)) % chosen.length]!];

/** sRGB of a PCS value as DICOM encodes it (PS3.3 C.10.7.1.1): L* and a*, b* (D50) scaled to 16 bits. */
export function colorOfCIELab(encoded: readonly number[]): Color {
  const lightness = (encoded[0]! / 65_535) * 100;
  const a = (encoded[1]! / 65_535) * 255 - 128;
  const b = (encoded[2]! / 65_535) * 255 - 128;
  const fy = (lightness + 16) / 116;
  const inverse = (value: number): number => (value > 6 / 29 ? value ** 3 : 3 * (6 / 29) ** 2 * (value - 4 / 29));
  // D50 white, then straight to linear sRGB (Bradford-adapted matrix, ICC sRGB profile).
  const x = 0.9642 * inverse(fy + a / 500);
  const y = inverse(fy);
  const z = 0.8249 * inverse(fy - b / 200);
  return [
    encodedChannel(3.1338561 * x - 1.6168667 * y - 0.4906146 * z),
    encodedChannel(-0.9787684 * x + 1.9161415 * y + 0.033454 * z),
    encodedChannel(0.0719453 * x - 0.2289914 * y + 1.4052427 * z),
  ];
}

function encodedChannel(linear: number): number {
  const clamped = Math.max(0, Math.min(1, linear));
  const encoded = clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * clamped ** (1 / 2.4) - 0.055;
  return Math.round(encoded * 255);
}
