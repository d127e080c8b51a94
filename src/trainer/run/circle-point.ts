// Cosine and sine together, by arithmetic alone: the same bits on every engine, where Math.sin's are an engine's own affair, and
// twice as fast for the millions of normal numbers that a network begins with.
//
// Polynomials and the split of π/2 are those of fdlibm (k_sin.c, k_cos.c, e_rem_pio2.c): Copyright (C) 1993 by Sun Microsystems,
// Inc. All rights reserved. Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and
// distribute this software is freely granted, provided that this notice is preserved.

const quartersPerRadian = 0.636_619_772_367_581_4;
/** π/2 in two parts; the first has so few bits that its multiples are exact. */
const quarterHigh = 1.570_796_326_734_125_614_17;
const quarterLow = 6.077_100_506_506_192_249_32e-11;
/** Signs of cosine and sine after so many quarters of a turn. */
const cosineSigns = Float64Array.of(1, -1, -1, 1, 1);
const sineSigns = Float64Array.of(1, 1, -1, -1, 1);

/** Writes cosine and sine of an angle of 0 to 2π, each to less than a unit in its last place. No branches: they would be guessed wrong. */
export function circlePoint(angle: number, into: Float64Array): void {
  const quarters = (angle * quartersPerRadian + 0.5) | 0;
  const x = angle - quarters * quarterHigh - quarters * quarterLow;
  const z = x * x;
  let cosine = 2.087_572_321_298_174_827_9e-9 + z * -1.135_964_755_778_819_482_65e-11;
  cosine = 2.480_158_728_947_672_941_78e-5 + z * (-2.755_731_435_139_066_330_35e-7 + z * cosine);
  cosine = 4.166_666_666_666_660_190_37e-2 + z * (-1.388_888_888_887_410_957_49e-3 + z * cosine);
  let sine = -2.505_076_025_340_686_341_95e-8 + z * 1.589_690_995_211_550_102_21e-10;
  sine = -1.984_126_982_985_794_931_34e-4 + z * (2.755_731_370_707_006_767_89e-6 + z * sine);
  sine = -1.666_666_666_666_663_243_48e-1 + z * (8.333_333_333_322_489_461_24e-3 + z * sine);
  into[0] = 1 - (0.5 * z - z * z * cosine);
  into[1] = x + x * z * sine;
  const isOdd = quarters & 1;
  const turned = cosineSigns[quarters]! * into[isOdd]!;
  into[1] = sineSigns[quarters]! * into[1 - isOdd]!;
  into[0] = turned;
}
