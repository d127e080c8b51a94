// What several models say together: on the bench where they are chosen, and wherever the chosen ones are run.

/** The mean of several models' probabilities. At least one, all of one length. */
export function softVote(probabilities: readonly Float32Array[]): Float32Array {
  const [first] = probabilities;
  if (!first || probabilities.some(({ length }) => length !== first.length)) {
    throw new RangeError('a vote needs predictions of equal number');
  }
  if (probabilities.length === 1) return first.slice();
  const sum = new Float64Array(first.length);
  for (const one of probabilities) for (let index = 0; index < sum.length; index += 1) sum[index]! += one[index]!;
  return Float32Array.from(sum, (total) => total / probabilities.length);
}
