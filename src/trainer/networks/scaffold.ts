// SCAFFOLD (arXiv 1910.06378): each site's gradient is corrected by the difference of the trunk's and its own control
// variate, which are means of gradients.

/** c − cᵢ by weight: what is added to the site's gradient. */
export function driftCorrection(
  trunkVariate: ReadonlyMap<string, Float32Array>,
  siteVariate: ReadonlyMap<string, Float32Array>,
): Map<string, Float32Array> {
  return mapped(trunkVariate, (name, values) => {
    const own = siteVariate.get(name)!;
    return values.map((value, index) => value - own[index]!);
  });
}

/**
 * The site's new control variate by option II: cᵢ⁺ = cᵢ − c + (x − y) / (K · η), with x the weights at the start, y those
 * at the end and K · η the learning rates of the K steps, added up. With momentum μ each gradient moves the weights by
 * η / (1 − μ) in all, so the sum is divided by 1 − μ; with Adam there is no such rule, and the result is of no use.
 */
export function newControlVariate({
  siteVariate,
  trunkVariate,
  start,
  end,
  learningRateSum,
  momentum = 0,
}: {
  siteVariate: ReadonlyMap<string, Float32Array>;
  trunkVariate: ReadonlyMap<string, Float32Array>;
  start: ReadonlyMap<string, Float32Array>;
  end: ReadonlyMap<string, Float32Array>;
  /** Positive. */
  learningRateSum: number;
  momentum?: number;
}): Map<string, Float32Array> {
  const length = learningRateSum / (1 - momentum);
  return mapped(siteVariate, (name, values) => {
    const [trunk, from, to] = [trunkVariate.get(name)!, start.get(name)!, end.get(name)!];
    return values.map((value, index) => value - trunk[index]! + (from[index]! - to[index]!) / length);
  });
}

function mapped(
  tensors: ReadonlyMap<string, Float32Array>,
  of: (name: string, values: Float32Array) => Float32Array,
): Map<string, Float32Array> {
  return new Map([...tensors].map(([name, values]) => [name, of(name, values)]));
}
