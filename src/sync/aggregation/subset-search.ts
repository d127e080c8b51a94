// NSGA-II (Deb et al. 2002, doi:10.1109/4235.996017) over subsets: the trade-off front of two objectives, both maximised.

export interface SubsetSearch {
  /** How many things there are to choose from, ≥ 1. */
  readonly size: number;
  /** The two objectives of a subset, given as ascending indices (never empty). */
  objectives(members: readonly number[]): readonly [number, number];
  /** Subsets that the search starts from besides random ones. */
  readonly startingSubsets: readonly (readonly number[])[];
  readonly random: () => number;
  readonly population: number;
  readonly generations: number;
  /** Chance that an offspring mixes two parents rather than copying one. */
  readonly crossoverRate: number;
  /** Chance that each membership is flipped. */
  readonly mutationRate: number;
}

interface Individual {
  readonly members: readonly number[];
  readonly objectives: readonly [number, number];
  /** 0 for the front that nothing dominates. */
  front: number;
  /** Distance to its neighbours on the same front: the larger, the rarer. */
  crowding: number;
}

/** The subsets that no other subset found is better than in both objectives, each once. */
export function paretoSubsets(search: SubsetSearch): number[][] {
  const { random, population: target } = search;
  const known = new Map<string, Individual>();
  const individual = (members: readonly number[]): Individual => {
    const key = members.join();
    const seen = known.get(key) ?? { members, objectives: search.objectives(members), front: 0, crowding: 0 };
    known.set(key, seen);
    return seen;
  };
  let population = search.startingSubsets.slice(0, target).map(individual);
  while (population.length < target) population.push(individual(randomSubset(search)));
  rank(population);
  for (let generation = 0; generation < search.generations; generation += 1) {
    const offspring: Individual[] = [];
    while (offspring.length < target) {
      offspring.push(individual(bred(tournament(population, random), tournament(population, random), search)));
    }
    population = fittest([...population, ...offspring], target);
  }
  return population.filter(({ front }) => front === 0).map(({ members }) => [...members]);
}

/** Ranks the distinct individuals and keeps the best: lower front first, then the less crowded. */
function fittest(individuals: readonly Individual[], target: number): Individual[] {
  const distinct = [...new Set(individuals)];
  rank(distinct);
  return distinct.sort(compare).slice(0, target);
}

function compare(a: Individual, b: Individual): number {
  if (a.front !== b.front) return a.front - b.front;
  // Infinity − Infinity is NaN, hence no subtraction.
  return a.crowding === b.crowding ? 0 : a.crowding > b.crowding ? -1 : 1;
}

function rank(individuals: readonly Individual[]): void {
  let rest = [...individuals];
  for (let front = 0; rest.length > 0; front += 1) {
    const members = rest.filter((one) => !rest.some((other) => dominates(other.objectives, one.objectives)));
    for (const member of members) member.front = front;
    measureCrowding(members);
    rest = rest.filter((one) => !members.includes(one));
  }
}

function dominates(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] >= b[0] && a[1] >= b[1] && (a[0] > b[0] || a[1] > b[1]);
}

function measureCrowding(front: readonly Individual[]): void {
  for (const member of front) member.crowding = 0;
  for (const objective of [0, 1] as const) {
    const order = [...front].sort((a, b) => a.objectives[objective] - b.objectives[objective]);
    const span = order.at(-1)!.objectives[objective] - order[0]!.objectives[objective];
    order.forEach((member, index) => {
      const before = order[index - 1];
      const after = order[index + 1];
      if (!before || !after) member.crowding = Number.POSITIVE_INFINITY;
      else if (span > 0) member.crowding += (after.objectives[objective] - before.objectives[objective]) / span;
    });
  }
}

function tournament(population: readonly Individual[], random: () => number): Individual {
  const pick = (): Individual => population[Math.floor(random() * population.length)]!;
  const [a, b] = [pick(), pick()];
  return compare(a, b) <= 0 ? a : b;
}

/** Uniform crossover and bit-flip mutation; an empty subset gets one random member. */
function bred(mother: Individual, father: Individual, search: SubsetSearch): number[] {
  const { random } = search;
  const crosses = random() < search.crossoverRate;
  const members: number[] = [];
  for (let index = 0; index < search.size; index += 1) {
    const parent = crosses && random() < 0.5 ? father : mother;
    if (parent.members.includes(index) !== random() < search.mutationRate) members.push(index);
  }
  return members.length > 0 ? members : [Math.floor(random() * search.size)];
}

function randomSubset({ size, random }: SubsetSearch): number[] {
  const members: number[] = [];
  for (let index = 0; index < size; index += 1) if (random() < 0.5) members.push(index);
  return members.length > 0 ? members : [Math.floor(random() * size)];
}
