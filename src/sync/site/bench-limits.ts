// Numbers that bound what peers can make a site keep.

export const benchLimits = {
  /** Ancestors remembered for the lineage: the newest. */
  ancestors: 2_000,
  /** Models announced and not fetched. */
  announced: 2_000,
  /** Refused models remembered, so that they are not fetched again. */
  refusedModels: 500,
} as const;
