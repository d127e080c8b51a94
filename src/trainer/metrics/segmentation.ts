// Metrics of masks, batch by batch: what is kept are counts of each patient and the masks of the one volume under way.
import type { Estimate, Metrics, ReliabilityBin } from '../../contract/metrics.ts';
import { notLabelled } from '../../contract/dataset.ts';
import { unbounded } from '../../contract/estimate-text.ts';
import { predictionsUnusable } from '../faults.ts';
import { reliability, surprise } from './calibration.ts';
import { patientBootstrap, wilsonInterval } from './intervals.ts';
import { classRates, meanOf } from './metrics.ts';
import {
  decodeSegmentationState,
  encodeSegmentationState,
  type OpenVolume,
  type PatientTally,
  type SlicePlace,
} from './segmentation-state.ts';
import { hausdorff95 } from './surface-distance.ts';
import type { TallyState } from './tally-state.ts';

export interface MaskBatch {
  /** Softmax, [images, rows, columns, classes]. */
  readonly probabilities: Float32Array;
  /** Class of each pixel, [images, rows, columns]; 255 where it is not labelled. */
  readonly masks: Uint8Array;
  /** By image. */
  readonly patients: Int32Array;
  /** By image; null where the geometry is not known: distances are then those of single images, in pixels. */
  readonly places: readonly SlicePlace[] | null;
}

export interface SegmentationTally {
  add(batch: MaskBatch): void;
  /** Of all patients, or of those that `isChosen`. */
  metrics(isChosen?: (patient: number) => boolean): Metrics;
  reliability(): ReliabilityBin[];
  /** Images added so far. */
  readonly added: number;
  /** As `MetricsTally`. */
  state(): TallyState;
  restore(state: TallyState): boolean;
}

/** @throws (from `add`) Fault 363 when lengths disagree, a label is out of range or a probability is not finite. */
export function segmentationTally({
  classes,
  height,
  width,
}: {
  classes: readonly string[];
  height: number;
  width: number;
}): SegmentationTally {
  const depth = classes.length;
  const pixels = height * width;
  const patients = new Map<number, PatientTally>();
  const confusion = classes.map(() => new Float64Array(depth));
  const calibration = reliability();
  let lossSum = 0;
  let inMm: boolean | null = null;
  let volume: OpenVolume | null = null;

  const tallyOf = (patient: number): PatientTally => {
    const known = patients.get(patient);
    if (known !== undefined) return known;
    const zeros = (): Float64Array => new Float64Array(depth);
    const distances = classes.map((): number[] => []);
    const made = {
      right: 0,
      labelled: 0,
      images: 0,
      both: zeros(),
      called: zeros(),
      missed: zeros(),
      distances,
      unmatched: 0,
    };
    patients.set(patient, made);
    return made;
  };

  const closeVolume = (): void => {
    if (volume === null) return;
    const { place, patient, slices } = volume;
    volume = null;
    const numbers = [...slices.keys()];
    const first = Math.min(...numbers);
    const size = [Math.max(...numbers) - first + 1, height, width] as const;
    const isTrue = new Uint8Array(size[0] * pixels);
    const isCalled = new Uint8Array(size[0] * pixels);
    for (let index = 1; index < depth; index += 1) {
      isTrue.fill(0);
      isCalled.fill(0);
      for (const [number, [mask, predicted]] of slices) {
        const start = (number - first) * pixels;
        for (let pixel = 0; pixel < pixels; pixel += 1) {
          if (mask[pixel] === notLabelled) continue;
          if (mask[pixel] === index) isTrue[start + pixel] = 1;
          if (predicted[pixel] === index) isCalled[start + pixel] = 1;
        }
      }
      const distance = hausdorff95(isTrue, isCalled, { size, spacing: place.spacingMm });
      if (distance !== null) tallyOf(patient).distances[index]!.push(distance);
      else if (isTrue.includes(1) || isCalled.includes(1)) tallyOf(patient).unmatched += 1;
    }
  };

  const addImage = (probabilities: Float32Array, mask: Uint8Array, patient: number, place: SlicePlace): void => {
    const tally = tallyOf(patient);
    tally.images += 1;
    const predicted = new Uint8Array(pixels);
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const start = pixel * depth;
      let top = 0;
      for (let index = 1; index < depth; index += 1) {
        if (probabilities[start + index]! > probabilities[start + top]!) top = index;
      }
      predicted[pixel] = top;
      const truth = mask[pixel]!;
      if (truth === notLabelled) continue;
      if (truth >= depth) throw predictionsUnusable('a mask names no class');
      const row = confusion[truth]!;
      row[top] = row[top]! + 1;
      lossSum += surprise(probabilities[start + truth]!);
      calibration.add(probabilities[start + top]!, top === truth);
      tally.labelled += 1;
      if (top === truth) {
        tally.right += 1;
        tally.both[truth] = tally.both[truth]! + 1;
      } else {
        tally.called[top] = tally.called[top]! + 1;
        tally.missed[truth] = tally.missed[truth]! + 1;
      }
    }
    if (volume?.place.volume !== place.volume || volume.patient !== patient) {
      closeVolume();
      volume = { place, patient, slices: new Map() };
    }
    volume.slices.set(place.slice, [mask.slice(), predicted]);
  };

  let images = 0;
  return {
    add({ probabilities, masks, patients: patientOf, places }) {
      const count = patientOf.length;
      if (masks.length !== count * pixels || probabilities.length !== masks.length * depth) {
        throw predictionsUnusable(`${probabilities.length} probabilities for ${masks.length} pixels`);
      }
      if (!probabilities.every(Number.isFinite)) throw predictionsUnusable('a probability is not a finite number');
      inMm = (inMm ?? true) && places !== null;
      for (let image = 0; image < count; image += 1) {
        addImage(
          probabilities.subarray(image * pixels * depth, (image + 1) * pixels * depth),
          masks.subarray(image * pixels, (image + 1) * pixels),
          patientOf[image]!,
          places?.[image] ?? { volume: images, slice: 0, spacingMm: [1, 1, 1] },
        );
        images += 1;
      }
    },
    metrics(isChosen) {
      closeVolume();
      const chosen = [...patients].filter(([patient]) => isChosen?.(patient) ?? true).map(([, tally]) => tally);
      const foreground = classes.map((_, index) => index).slice(1);
      const dice = (tally: PatientTally, index: number): number | null => {
        const divided = 2 * tally.both[index]! + tally.called[index]! + tally.missed[index]!;
        return divided === 0 ? null : (2 * tally.both[index]!) / divided;
      };
      const labelled = chosen.reduce((sum, tally) => sum + tally.labelled, 0);
      // Counts of pixels by class are kept of all patients together: a group's are made of its patients' counts.
      const sum = (values: (tally: PatientTally) => number): number =>
        chosen.reduce((total, tally) => total + values(tally), 0);
      const perClass = classes.map((name, index) => {
        const both = sum((tally) => tally.both[index]!);
        const called = sum((tally) => tally.called[index]!);
        const missed = sum((tally) => tally.missed[index]!);
        const rates = classRates(
          [
            [labelled - both - called - missed, called],
            [missed, both],
          ],
          1,
        );
        const isForeground = index > 0;
        return {
          name,
          ...rates,
          auc: null,
          averagePrecision: null,
          dice: isForeground ? meanOf(chosen.map((tally) => dice(tally, index))) : null,
          hausdorff95: isForeground ? meanOf(chosen.map((tally) => meanOf(tally.distances[index]!))) : null,
          youdenThreshold: null,
          atThreshold: null,
        };
      });
      return {
        task: 'segmentation',
        examples: sum((tally) => tally.images),
        patients: chosen.length,
        loss: labelled === 0 || isChosen !== undefined ? 0 : lossSum / labelled,
        accuracy: pixelAccuracy(chosen),
        auc: null,
        balancedAccuracy: meanOf(perClass.map(({ sensitivity }) => sensitivity)) ?? 0,
        calibrationError: calibration.error(),
        averagePrecision: null,
        f1: meanOf(perClass.slice(1).map(({ f1 }) => f1)),
        dice: overPatients(chosen.map((tally) => meanOf(foreground.map((index) => dice(tally, index))))),
        hausdorff95: overPatients(
          chosen.map((tally) => meanOf(foreground.map((index) => meanOf(tally.distances[index]!)))),
          Infinity,
        ),
        hausdorffUnit: inMm === null ? null : inMm ? 'mm' : 'px',
        hausdorffPatients: chosen.filter(
          (tally) => tally.unmatched === 0 && tally.distances.some((ofClass) => ofClass.length > 0),
        ).length,
        perClass,
        confusion: isChosen === undefined ? confusion.map((row) => [...row]) : [],
      };
    },
    reliability: () => calibration.bins(),
    get added() {
      return images;
    },
    state: () =>
      encodeSegmentationState({ patients, confusion, calibration: calibration.state(), lossSum, inMm, images, volume }),
    restore(state) {
      const earlier = decodeSegmentationState(state, { classes: depth, pixels });
      if (earlier === null) return false;
      for (const [patient, tally] of earlier.patients) patients.set(patient, tally);
      confusion.forEach((row, index) => row.set(earlier.confusion[index]!));
      calibration.restore(earlier.calibration);
      ({ lossSum, inMm, images, volume } = earlier);
      return true;
    },
  };
}

function pixelAccuracy(patients: readonly PatientTally[]): Estimate {
  const share = (weights?: Float64Array): number | null => {
    let right = 0;
    let labelled = 0;
    patients.forEach((tally, index) => {
      right += (weights?.[index] ?? 1) * tally.right;
      labelled += (weights?.[index] ?? 1) * tally.labelled;
    });
    return labelled > 0 ? right / labelled : null;
  };
  const value = share();
  if (value === null) return null;
  if (value === 0 || value === 1) return wilsonInterval(value, patients.length);
  const interval = patientBootstrap(Int32Array.from(patients.keys()), share);
  return interval === null ? null : { value, ...interval };
}

/** The mean of the patients that have a value. One patient says nothing about others: the interval is everything up to `most`. */
function overPatients(values: readonly (number | null)[], most = 1): Estimate {
  const known = values.filter((value) => value !== null);
  const value = meanOf(known);
  if (value === null) return null;
  if (known.length === 1) return { value, low: 0, high: most === Infinity ? unbounded : most };
  const mean = (weights: Float64Array): number => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.reduce((sum, weight, index) => sum + weight * known[index]!, 0) / total;
  };
  const interval = patientBootstrap(Int32Array.from(known.keys()), mean, { most });
  return interval === null ? null : { value, ...interval };
}
