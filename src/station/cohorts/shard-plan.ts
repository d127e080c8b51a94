// Which examples go into which shard. Patients are put together by their pseudonyms, so that a patient who comes or goes changes
// one shard and leaves the others as they are.
import { createHmac } from 'node:crypto';
import type { Cohort } from '../../contract/cohort.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import type { CohortItem } from './cohort-items.ts';

export interface ShardPlan {
  readonly cohort: Pick<Cohort, 'task' | 'instances'>;
  readonly chain: Preprocessing;
  readonly key: Uint8Array;
  itemsBetween(from: string, to: string): readonly CohortItem[];
  /** Label index in the data set by the cohort's own: masks hold it. */
  readonly label: readonly number[];
}

export interface PlannedShard {
  /** Counts from 0 over the whole plan. */
  readonly index: number;
  /** 32 hexadecimal digits over everything that decides the shard's bytes, but for the files themselves. */
  readonly recipe: string;
  readonly items: readonly CohortItem[];
  /** Number of the first patient of the shard's bucket, and by item the patient's number from there. */
  readonly firstPatient: number;
  readonly patientOf: Int32Array;
}

/** Bytes of a shard that is not cut short by its bucket: what one thread holds in memory, about twice. */
const shardBytes = 24 * 2 ** 20;
/** Buckets get on average half of that, so that most of them are one shard. */
const bucketBytes = shardBytes / 2;
const maxBucketBits = 12;
/** Raised where the same recipe would give other bytes: of a segmentation when shards first told where slices lie. */
const recipeVersion = ({ task }: ShardPlan['cohort']): number => (task === 'segmentation' ? 2 : 1);

/** One bucket in memory at a time. */
export function* plannedShards(plan: ShardPlan): Generator<PlannedShard> {
  const { cohort, chain, key } = plan;
  const maskBytes = cohort.task === 'segmentation' ? chain.height * chain.width : 0;
  const exampleBytes = chain.height * chain.width * chain.channels * 2 + maskBytes;
  const perShard = Math.max(1, Math.floor(shardBytes / exampleBytes));
  const wanted = Math.ceil(Math.log2(Math.max(1, (cohort.instances * exampleBytes) / bucketBytes)));
  const bits = Math.max(0, Math.min(maxBucketBits, wanted));
  let index = 0;
  let firstPatient = 0;
  for (let bucket = 0; bucket < 2 ** bits; bucket += 1) {
    const items = inKeyedOrder(plan.itemsBetween(edgeOf(bucket, bits), edgeOf(bucket + 1, bits)), key).map((item) =>
      labelled(item, plan.label),
    );
    const patients = new Map<string, number>();
    for (const { patient } of items) if (!patients.has(patient)) patients.set(patient, patients.size);
    for (let start = 0; start < items.length; start += perShard) {
      const own = items.slice(start, start + perShard);
      const patientOf = Int32Array.from(own, ({ patient }) => patients.get(patient) ?? 0);
      yield { index, recipe: recipeOf(plan, own), items: own, firstPatient, patientOf };
      index += 1;
    }
    firstPatient += patients.size;
  }
}

/** Pseudonyms of a bucket begin at this text; beyond the last one is what no pseudonym reaches. */
function edgeOf(bucket: number, bits: number): string {
  return bucket === 2 ** bits
    ? 'g'
    : Math.round(bucket * 2 ** (16 - bits))
        .toString(16)
        .padStart(4, '0');
}

/** By patient and image in an order that tells nothing of them; slices of one volume stay together, as they are read together. */
function inKeyedOrder(items: readonly CohortItem[], key: Uint8Array): CohortItem[] {
  const places = new Map<string, string>();
  const placeOf = ({ sopInstanceUID }: CohortItem): string => {
    const known = places.get(sopInstanceUID);
    if (known !== undefined) return known;
    const place = createHmac('sha256', key).update(`example/${sopInstanceUID}`).digest('hex');
    places.set(sopInstanceUID, place);
    return place;
  };
  const compared = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...items].sort(
    (a, b) => compared(a.patient, b.patient) || compared(placeOf(a), placeOf(b)) || (a.frame ?? 0) - (b.frame ?? 0),
  );
}

function labelled(item: CohortItem, label: readonly number[]): CohortItem {
  if (item.masks.length === 0) return item;
  const masks = item.masks.map((mask) => ({
    ...mask,
    classes: mask.classes.map(([region, index]): [number, number] => [region, label[index] ?? 0]),
  }));
  return { ...item, masks };
}

function recipeOf({ cohort, chain, key }: ShardPlan, items: readonly CohortItem[]): string {
  const hash = createHmac('sha256', key).update(JSON.stringify(['shard', recipeVersion(cohort), cohort.task, chain]));
  for (const { sopInstanceUID, frame, masks } of items) hash.update(JSON.stringify([sopInstanceUID, frame, masks]));
  return hash.digest('hex').slice(0, 32);
}
