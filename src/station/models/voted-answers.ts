// What a model says of some images: of an ensemble the mean of what its members say, each of which sees them prepared in its own way.
import type { Prediction, PredictOrder } from '../../contract/model-jobs.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { softVote } from '../../contract/soft-vote.ts';
import { defaultPreprocessing, maskOnFrame } from '../cohorts/preprocess.ts';
import type { ReadImage } from '../cohorts/shard-task.ts';
import type { StoredModel } from './model-registry.ts';

/** What the voters say of some images together, and each alone; where they looked, if that is wanted. */
export async function votedAnswers(
  voters: readonly StoredModel[],
  asked: readonly { readonly read: readonly ReadImage[] }[],
  { predict, heatOf }: { predict: (order: PredictOrder) => Promise<Prediction>; heatOf: number | null },
): Promise<{ values: Float32Array[]; votes: Float32Array[][]; heat: Uint8Array<ArrayBuffer>[] | null }> {
  const orders = voters.map((voter, index) =>
    orderOf(voter, joined(asked.map(({ read }) => read[index]!.image)), asked.length),
  );
  const isAlone = voters.length === 1;
  const said: Prediction[] = [];
  for (const order of orders) said.push(await predict({ ...order, heatOf: isAlone ? heatOf : null }));
  const each = said[0]!.probabilities.length / asked.length;
  const ofImage = (all: Float32Array, at: number): Float32Array => all.subarray(at * each, (at + 1) * each);
  const together = softVote(said.map(({ probabilities }) => probabilities));
  const values = asked.map((_, at) => ofImage(together, at));
  const votes = asked.map((_, at) => (isAlone ? [] : said.map(({ probabilities }) => ofImage(probabilities, at))));
  if (heatOf === null) return { values, votes, heat: null };
  if (!isAlone) {
    // Where each looked for what they say together, not for what it would have said.
    const tops = values.map((one) => (heatOf < 0 ? one.indexOf(Math.max(...one)) : heatOf));
    for (const [index, order] of orders.entries()) said[index] = await predict({ ...order, heatOf: tops });
  }
  return { values, votes, heat: asked.map(({ read }, at) => meanHeat(voters, read, said, at)) };
}

/** 0…255 on the frame's own rows × columns. */
function meanHeat(
  voters: readonly StoredModel[],
  read: readonly ReadImage[],
  said: readonly Prediction[],
  at: number,
): Uint8Array<ArrayBuffer> {
  const maps = voters.map((voter, index) => {
    const { place } = read[index]!;
    const { height, width } = voter.definition.input;
    const own = said[index]!.heat!.subarray(at * height * width, (at + 1) * height * width);
    return maskOnFrame(
      Uint8Array.from(own, (value) => Math.round(255 * value)),
      place,
      chainOf(voter),
    );
  });
  const [first] = maps;
  if (maps.length === 1) return first!;
  return first!.map((_, pixel) => maps.reduce((sum, map) => sum + map[pixel]!, 0) / maps.length);
}

/** The ways of preparing an image that there are among the voters, each once. */
export function viewsOf(voters: readonly StoredModel[]): Preprocessing[] {
  const chains = voters.map(chainOf);
  return chains.filter((chain, index) => chains.findIndex((other) => isSame(other, chain)) === index);
}

export const isSame = (a: Preprocessing, b: Preprocessing): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The job of one batch, without threads. */
function orderOf({ model, definition, weightsFile }: StoredModel, images: Uint16Array, count: number) {
  const { mean, standardDeviation } = model.input ?? { mean: 0, standardDeviation: 1 };
  const classes = model.classes.length;
  return {
    job: 'predict',
    network: definition,
    weightsFile,
    classes,
    images: images as Uint16Array<ArrayBuffer>,
    count,
    mean,
    standardDeviation,
  } as const;
}

export function chainOf({ model, definition }: StoredModel): Preprocessing {
  return model.input?.preprocessing ?? defaultPreprocessing(model.task, definition.input, null);
}

function joined(images: readonly Uint16Array[]): Uint16Array {
  const all = new Uint16Array(images.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const image of images) {
    all.set(image, at);
    at += image.length;
  }
  return all;
}
