// Numbers that bound what peers can make a site keep.

export const benchLimits = {
  /** Ancestors remembered for the lineage: the newest. */
  ancestors: 2_000,
  /** Models announced and not fetched. */
  announced: 2_000,
  /** Their statements, which may hold a network each, in characters. */
  announcedCharacters: 8 * 1024 * 1024,
  /** What a model's sealed file may have beside its weights: names, shapes, seal. */
  besideWeightsBytes: 1024 * 1024,
  /** Models of peers on the bench: more are refused. */
  candidates: 2_000,
  /** Cards of devices, members and former ones whose models are here apart: those known longest go. */
  cards: 2_000,
  /** Refused models remembered, so that they are not fetched again. */
  refusedModels: 500,
} as const;
