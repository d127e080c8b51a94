// How long a certificate of membership counts, by the clocks of those who are shown it.
import type { Membership } from './federation.ts';

/** Of a federation's clocks some may be wrong by a day (docs/faults.md, 8). */
export const clockToleranceMs = 24 * 60 * 60 * 1_000;

/** Whether peers open no direct line to this site any more before its hub has issued another. `now` in ms since 1970. */
export const isCertificateOver = ({ certificateUntil }: Pick<Membership, 'certificateUntil'>, now: number): boolean =>
  certificateUntil !== null && now > Date.parse(certificateUntil) + clockToleranceMs;
