// Whether a person could recognise an image in what an attack found: the guess has to resemble its image, and clearly more than the images of
// others resemble it, or chance would look like a leak.

/** A guess that resembles its image no more than this shows nothing that a person could recognise. */
const leastSimilarity = 0.35;
/** One that resembles it so much shows it, also where another patient's image looks the same. */
const certainSimilarity = 0.9;
/** Standard deviations above its likeness to other images. */
const leastDistinction = 4;
/** Or this share of the way from the usual likeness of other images to the image itself: a copy is one, however much the others differ. */
const leastShareOfWay = 0.9;

export interface Likeness {
  /** 1 where no other image is more like the guess. */
  readonly rank: number;
  readonly chanceMean: number;
  readonly chanceMost: number;
  readonly isRecognised: boolean;
}

/**
 * @param similarity of the guess and its image, at most 1
 * @param chance of the guess and each image of other patients
 */
export function likenessOf(similarity: number, chance: readonly number[]): Likeness {
  const count = Math.max(1, chance.length);
  const chanceMean = chance.reduce((sum, value) => sum + value, 0) / count;
  const spread = Math.sqrt(chance.reduce((sum, value) => sum + (value - chanceMean) ** 2, 0) / count);
  const distinction = (similarity - chanceMean) / Math.max(spread, 0.01);
  const shareOfWay = (similarity - chanceMean) / Math.max(1 - chanceMean, 0.01);
  const rank = 1 + chance.filter((value) => value >= similarity).length;
  const isDistinct = distinction >= leastDistinction;
  const isCopy = similarity >= certainSimilarity && (isDistinct || shareOfWay >= leastShareOfWay);
  return {
    rank,
    chanceMean,
    chanceMost: chance.reduce((most, value) => Math.max(most, value), 0),
    isRecognised: isCopy || (isDistinct && rank === 1 && similarity >= leastSimilarity),
  };
}
