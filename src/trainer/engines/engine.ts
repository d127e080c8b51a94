// What every engine offers: one training step, predictions, and its whole state. A session never knows where the
// images come from, and a run never knows what computes.
import type { Network } from '../../contract/network.ts';
import type { Chance } from '../privacy/noise.ts';
import type { engineNames, HyperParameters, providerNames } from '../../contract/training.ts';

export type EngineName = (typeof engineNames)[number];
export type ProviderName = (typeof providerNames)[number];

/** Tensors by name, row-major in TensorFlow.js layouts (filters HWIO, dense matrices [in, out]), in canonical order. */
export type NamedTensors = Map<string, Float32Array>;

export interface EngineOptions {
  readonly engine: EngineName;
  readonly provider: ProviderName;
  /** CPU threads of one step. */
  readonly threads: number;
}

export interface PredictionOptions {
  readonly network: Network;
  readonly classes: number;
  /** Images computed at once. */
  readonly batchSize: number;
}

export interface SessionOptions extends PredictionOptions {
  /** Images in one step; a smaller last batch is padded by the caller and weighed 0. */
  readonly batchSize: number;
  readonly hyperParameters: HyperParameters;
  /** One factor per class, or null for equal ones: of its images or pixels, of its positives when multi-label. */
  readonly classWeights: readonly number[] | null;
  /** Whether `setDriftCorrection` will be used (SCAFFOLD). Default false. */
  readonly isCorrected?: boolean;
  /** Seeds the dropout masks, which are drawn from the seed and the step's number alone. Default 0. */
  readonly seed?: number;
  /** Where the noise of a private session comes from: the operating system, unless a test needs the same twice. */
  readonly chance?: Chance;
  /** Throws where the memory of a provider does not hold the batch, for the caller to try a smaller one, and passes none over for that. */
  readonly mayShrink?: boolean;
}

export interface Batch {
  /** Normalised values, [batchSize, height, width, channels]. */
  readonly images: Float32Array;
  /**
   * Classification: class indices, [batchSize]. Multi-label: 0 or 1, [batchSize, classes]. Segmentation: class of each pixel, or 255
   * where it is not labelled, [batchSize, height, width].
   */
  readonly labels: Int32Array | Uint8Array;
  /** Weight of each example in the mean loss, [batchSize]; 0 for padding, whose images are then ignored. */
  readonly exampleWeights: Float32Array;
  readonly learningRate: number;
}

export interface Predictor {
  /** What computes now: `cpu`, `cuda`, …; it may change to `cpu` when another provider fails in the middle. */
  readonly provider: string;
  /**
   * Probabilities by the running batch-norm statistics, of any number of images: [count, classes] by softmax
   * (multi-label: by sigmoid), of segmentations [count, height, width, classes] by softmax.
   */
  predict(images: Float32Array, count: number): Promise<Float32Array>;
  /** Replaces the weights (copied); an optimiser's state stays. @throws Fault 323 when names or sizes do not fit. */
  setWeights(weights: ReadonlyMap<string, Float32Array>): void;
  /** Frees native memory. It cannot be used afterwards; a second call does nothing. */
  close(): Promise<void>;
}

export interface TrainingSession extends Predictor {
  /** Why it moved to the CPU in the middle of a run; null or absent when it did not. */
  readonly movedBecause?: string | null;
  /** One update of the weights. Returns the loss before it: the weighted mean of the task's loss plus the proximal term. */
  step(batch: Batch): Promise<number>;
  /** A copy of the weights, statistics included. */
  weights(): NamedTensors;
  /** A copy of the optimiser's state, step count included: with the weights, all that a resumed run needs. */
  optimiserState(): NamedTensors;
  setOptimiserState(state: ReadonlyMap<string, Float32Array>): void;
  /** The weights that FedProx pulls towards when `proximalStrength` > 0; by default those first set. */
  setProximalCentre(weights: ReadonlyMap<string, Float32Array>): void;
  /** What is added to each trainable weight's gradient (SCAFFOLD's c − cᵢ); 0 at first. Needs `isCorrected`. */
  setDriftCorrection(correction: ReadonlyMap<string, Float32Array>): void;
}

/** What `open` gives where the hyper-parameters hold privacy settings. Its `step` is both of these, one after the other. */
export interface PrivateSession extends TrainingSession {
  readonly chance: Chance;
  /**
   * Adds the clipped gradient of each example of a weight other than 0, of a batch of any size. Returns the sum of their
   * losses, which the promise does not cover. @throws Fault 683
   */
  accumulate(batch: Batch): Promise<number>;
  /** One update by what was accumulated since the last one, with noise; with no example at all, by noise alone. */
  release(learningRate: number): Promise<void>;
}

/** A provider that was passed over. */
export interface Fallback {
  readonly provider: string;
  readonly reason: string;
  /** Whether this machine has it at all. */
  readonly isHere: boolean;
}

/** What was opened, with the providers that were passed over for it; empty when none was. */
export interface Opened<Session> {
  readonly session: Session;
  readonly passedOver: readonly Fallback[];
}

export interface Engine {
  readonly name: EngineName;
  /** The provider asked for, or the one that `auto` begins with; each session says what it really uses. */
  readonly provider: string;
  /** Compiles the network; its weights are all zero until `setWeights`. @throws Fault 300–349. */
  open(options: SessionOptions): Promise<Opened<TrainingSession>>;
  /** As `open`, for predictions alone. */
  openForPrediction(options: PredictionOptions): Promise<Opened<Predictor>>;
}
