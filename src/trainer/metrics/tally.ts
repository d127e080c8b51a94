// One way to measure whatever the task: predictions go in batch by batch, figures come out at the end.
import type { EvaluationReport, GroupKind, GroupMetrics, Metrics, OperatingPoint } from '../../contract/metrics.ts';
import type { Task } from '../../contract/network.ts';
import { float32Tensor, float32Values, type Tensor } from '../../contract/safetensors.ts';
import { reliability } from './calibration.ts';
import { metricsOf } from './metrics.ts';
import { multiLabelMetrics } from './multi-label.ts';
import { precisionRecallPoints } from './precision-recall.ts';
import { rankColumn, type RankedScores, rocPointsOf } from './roc.ts';
import { segmentationTally } from './segmentation.ts';
import type { SlicePlace } from './segmentation-state.ts';
import type { TallyState } from './tally-state.ts';

export interface MeasuredBatch {
  /** As the engine's `predict` returns them for the task. */
  readonly probabilities: Float32Array;
  /** As a batch's labels for the task, without filling. */
  readonly labels: Int32Array | Uint8Array;
  /** By example. */
  readonly patients: Int32Array;
  /** Segmentation only: where the images lie, where that is known. */
  readonly places?: readonly SlicePlace[] | null;
}

/** Which group each patient of a data set belongs to. */
export interface ExampleGroups {
  readonly by: GroupKind;
  readonly names: readonly string[];
  /** By patient number: an index into `names`, −1 where it is not known. */
  readonly groupOf: Int32Array;
}

export interface MetricsTally {
  add(batch: MeasuredBatch): void;
  /** Examples added so far. */
  readonly added: number;
  state(): TallyState;
  /** Makes this the tally whose state it was, bit for bit; false, and nothing is changed, where it is of another kind. */
  restore(state: TallyState): boolean;
  metrics(): Metrics;
  /** The metrics with what explains them; groups of fewer than two examples are left out. */
  report(groups?: readonly ExampleGroups[]): EvaluationReport;
  /** What was added, in that order: empty for a segmentation, of which only counts are kept. */
  kept(): {
    probabilities: Float32Array<ArrayBuffer>;
    labels: Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
    patients: Int32Array<ArrayBuffer>;
  };
}

export interface TallyOptions {
  readonly task: Task;
  readonly classes: readonly string[];
  /** Of the images. */
  readonly height: number;
  readonly width: number;
  /** Examples that will be added. */
  readonly examples: number;
  /** Thresholds chosen on other images. */
  readonly operatingPoint?: OperatingPoint | null;
}

/** Points kept of a curve. */
const maxPoints = 200;
const fewestInGroup = 2;

export function metricsTally(options: TallyOptions): MetricsTally {
  return options.task === 'segmentation' ? maskTally(options) : labelTally(options);
}

function labelTally({ task, classes, examples, operatingPoint = null }: TallyOptions): MetricsTally {
  const isMultiLabel = task === 'multi-label';
  const labelsEach = isMultiLabel ? classes.length : 1;
  const probabilities = new Float32Array(examples * classes.length);
  const labels = isMultiLabel ? new Uint8Array(examples * labelsEach) : new Int32Array(examples);
  const patients = new Int32Array(examples);
  let count = 0;

  /** The metrics of the places (in the order added) given. */
  const metricsAt = (places: Int32Array): Metrics => {
    const all = places.length === examples;
    const pick = <Values extends Float32Array | Int32Array | Uint8Array>(values: Values, each: number): Values => {
      if (all) return values;
      const picked = values.slice(0, places.length * each) as Values;
      places.forEach((place, at) => picked.set(values.subarray(place * each, (place + 1) * each), at * each));
      return picked;
    };
    const scores = pick(probabilities, classes.length);
    const who = pick(patients, 1);
    return isMultiLabel
      ? multiLabelMetrics(scores, pick(labels as Uint8Array, labelsEach), who, classes, operatingPoint)
      : metricsOf(scores, pick(labels as Int32Array, 1), who, classes, operatingPoint);
  };
  const everything = (): Int32Array => Int32Array.from({ length: count }, (_, place) => place);
  const isPositive = (example: number, index: number): boolean =>
    isMultiLabel ? labels[example * classes.length + index] === 1 : labels[example] === index;

  return {
    add(batch) {
      probabilities.set(batch.probabilities, count * classes.length);
      labels.set(batch.labels, count * labelsEach);
      patients.set(batch.patients, count);
      count += batch.patients.length;
    },
    get added() {
      return count;
    },
    state: () => ({
      counts: null,
      tensors: new Map([
        ['probabilities', float32Tensor(probabilities.subarray(0, count * classes.length), [count, classes.length])],
        ['labels', tensorOf(labels.subarray(0, count * labelsEach))],
        ['patients', tensorOf(patients.subarray(0, count))],
      ]),
    }),
    restore({ tensors }) {
      const [scores, known, who] = ['probabilities', 'labels', 'patients'].map((name) => tensors.get(name));
      if (scores === undefined || known === undefined || who === undefined) return false;
      const earlier = who.shape[0] ?? 0;
      const isOfThisKind =
        earlier <= examples &&
        scores.shape.join() === `${earlier},${classes.length}` &&
        known.elementType === (isMultiLabel ? 'U8' : 'I32') &&
        known.shape.join() === String(earlier * labelsEach);
      if (!isOfThisKind) return false;
      probabilities.set(float32Values(scores));
      labels.set(valuesOf(known));
      patients.set(valuesOf(who));
      count = earlier;
      return true;
    },
    metrics: () => metricsAt(everything()),
    report(groups = []) {
      const tally = reliability();
      for (let example = 0; example < count; example += 1) {
        const scores = probabilities.subarray(example * classes.length, (example + 1) * classes.length);
        if (isMultiLabel) scores.forEach((score, index) => tally.add(score, isPositive(example, index)));
        else {
          const top = scores.indexOf(Math.max(...scores));
          tally.add(scores[top]!, isPositive(example, top));
        }
      }
      const curves = classes.map((name, index) => {
        const ranked = rankColumn(probabilities, index, classes.length, (example) => isPositive(example, index));
        return { name, ...curvesOf(ranked) };
      });
      const groupMetrics = groups.flatMap(({ by, names, groupOf }) =>
        names.flatMap((name, group): GroupMetrics[] => {
          const places = everything().filter((place) => groupOf[patients[place]!] === group);
          return places.length < fewestInGroup ? [] : [summary(by, name, metricsAt(places))];
        }),
      );
      return { metrics: metricsAt(everything()), curves, reliability: tally.bins(), groups: groupMetrics };
    },
    kept: () => ({ probabilities, labels, patients }),
  };
}

function maskTally({ classes, height, width }: TallyOptions): MetricsTally {
  const tally = segmentationTally({ classes, height, width });
  return {
    add({ probabilities, labels, patients, places = null }) {
      tally.add({ probabilities, masks: labels as Uint8Array, patients, places });
    },
    get added() {
      return tally.added;
    },
    state: () => tally.state(),
    restore: (state) => tally.restore(state),
    metrics: () => tally.metrics(),
    report(groups = []) {
      const groupMetrics = groups.flatMap(({ by, names, groupOf }) =>
        names.flatMap((name, group): GroupMetrics[] => {
          const metrics = tally.metrics((patient) => groupOf[patient] === group);
          return metrics.examples < fewestInGroup ? [] : [summary(by, name, metrics)];
        }),
      );
      return { metrics: tally.metrics(), curves: [], reliability: tally.reliability(), groups: groupMetrics };
    },
    kept: () => ({ probabilities: new Float32Array(), labels: new Uint8Array(), patients: new Int32Array() }),
  };
}

function tensorOf(values: Int32Array | Uint8Array): Tensor {
  return {
    elementType: values instanceof Int32Array ? 'I32' : 'U8',
    shape: [values.length],
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

function valuesOf({ elementType, bytes }: Tensor): Int32Array | Uint8Array {
  return elementType === 'I32' ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) : bytes;
}

function summary(by: GroupKind, name: string, metrics: Metrics): GroupMetrics {
  const { examples, patients, accuracy, auc, balancedAccuracy, f1, dice } = metrics;
  return { by, name, examples, patients, accuracy, auc, balancedAccuracy, f1, dice };
}

function curvesOf(ranked: RankedScores): { roc: [number, number][]; precisionRecall: [number, number][] } {
  return {
    roc: thinned(rocPointsOf(ranked).map(({ falsePositiveRate, sensitivity }) => [falsePositiveRate, sensitivity])),
    precisionRecall: thinned(precisionRecallPoints(ranked).map(({ recall, precision }) => [recall, precision])),
  };
}

/** At most 200 of the points, the first and the last among them. */
function thinned(points: [number, number][]): [number, number][] {
  if (points.length <= maxPoints) return points;
  const last = points.length - 1;
  return Array.from({ length: maxPoints }, (_, place) => points[Math.round((place * last) / (maxPoints - 1))]!);
}
