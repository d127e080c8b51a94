// Numbers of secure aggregation that both ends must agree on (docs/protocol.md, section 10).
import { wireLimits } from '../protocol/limits.ts';

export const maskingLimits = {
  /** Below three sites the sum tells one of them the other's update. */
  fewestSites: 3,
  sites: wireLimits.maskedBufferSites,
  /** Units per 1 of the fixed-point ring: a resolution of 2.4e-7. */
  unitsPerOne: 2 ** 22,
  /**
   * Largest |value| that a site may put in. Weights of a buffer add up to 1 at most, so the sum stays within ±511, and 2³¹ units are
   * ±512: the rounding of 40 sites (half a unit each) fits between.
   */
  magnitude: 511,
  /** Bytes of a self mask's seed and of an X25519 private key: both are dealt in shares of one byte more. */
  secretBytes: 32,
} as const;
