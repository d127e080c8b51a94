// Engines and compiled networks, kept from one job to the next: a federation's rounds compile once.
import type { Network } from '../../contract/network.ts';
import type { HyperParameters, TrainJob } from '../../contract/training.ts';
import type { Engine, Opened, Predictor, TrainingSession } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';

/**
 * Compiled networks kept of each kind; the one unused for longest is closed. A training holds weights, gradients and buffers; what
 * only predicts holds weights, and those that vote together take turns.
 */
const mostKept = { training: 2, prediction: 6 };

/** Images that a session for predictions alone computes at once, at most: more take memory and bring no speed. */
const mostPredicted = 16;

interface NetworkRequest extends Pick<TrainJob, 'engine' | 'provider' | 'threads'> {
  readonly network: Network;
  readonly classes: number;
}

/** What predictions depend on. */
export interface PredictionRequest extends NetworkRequest {
  /** Images that there are to predict. */
  readonly images: number;
}

export interface SessionRequest extends NetworkRequest {
  readonly hyperParameters: HyperParameters;
  /** Whether a batch that a device's memory does not hold is to be told by a fault; else the device is passed over. */
  readonly mayShrink?: boolean;
  /** Null weighs all classes alike. */
  readonly classWeights: readonly number[] | null;
  /** Whether gradients are corrected (SCAFFOLD). */
  readonly isCorrected?: boolean;
}

export interface OpenSession extends Opened<TrainingSession> {
  /** Optimiser state of a fresh session: an earlier job must leave no momentum behind. */
  readonly initialOptimiserState: ReadonlyMap<string, Float32Array>;
}

/** What is open: a training, which predicts as well, or predictions alone. */
interface Kept {
  readonly predictor: Predictor;
  readonly training: OpenSession | null;
}

export interface SessionCache {
  /** The session for this training; its weights and optimiser state are whatever the job before left. */
  open(request: SessionRequest): Promise<OpenSession>;
  /** Any session that computes this network, a training's if one is open. */
  openForPrediction(request: PredictionRequest): Promise<Predictor>;
  close(): Promise<void>;
}

export function sessionCache(): SessionCache {
  const engines = new Map<string, Engine>();
  // Insertion order is order of last use.
  const sessions = new Map<string, Kept>();
  const engineFor = async ({ engine, provider, threads }: NetworkRequest): Promise<Engine> => {
    const key = `${engine} ${provider} ${threads}`;
    const known = engines.get(key);
    if (known !== undefined) return known;
    const opened = await openEngine({ engine, provider, threads });
    engines.set(key, opened);
    return opened;
  };
  const use = (key: string, kept: Kept): void => {
    sessions.delete(key);
    sessions.set(key, kept);
  };
  const makeRoom = async (kind: keyof typeof mostKept): Promise<void> => {
    const alike = [...sessions].filter(([, { training }]) => (training === null) === (kind === 'prediction'));
    for (const [oldest, { predictor }] of alike.slice(0, Math.max(0, alike.length + 1 - mostKept[kind]))) {
      sessions.delete(oldest);
      await predictor.close();
    }
  };
  return {
    async open(request) {
      const key = `${networkKey(request)} ${trainingKey(request)}`;
      const known = sessions.get(key);
      if (known?.training) {
        use(key, known);
        return known.training;
      }
      const engine = await engineFor(request);
      await makeRoom('training');
      const { network, classes, hyperParameters, classWeights, mayShrink = false, isCorrected = false } = request;
      const { batchSize } = hyperParameters;
      // No seed: dropout masks come from the step's number alone, or every round of a federation would compile again.
      const { session, passedOver } = await engine.open({
        network,
        classes,
        batchSize,
        hyperParameters,
        classWeights,
        mayShrink,
        isCorrected,
      });
      const training = { session, passedOver, initialOptimiserState: session.optimiserState() };
      use(key, { predictor: session, training });
      return training;
    },
    async openForPrediction(request) {
      const prefix = `${networkKey(request)} `;
      const batchSize = predictedAtOnce(request.images);
      const key = `${prefix}${batchSize}`;
      for (const [other, known] of sessions) {
        if (other !== key && !(known.training && other.startsWith(prefix))) continue;
        use(other, known);
        return known.predictor;
      }
      const engine = await engineFor(request);
      await makeRoom('prediction');
      const { network, classes } = request;
      const { session: predictor } = await engine.openForPrediction({ network, classes, batchSize });
      use(key, { predictor, training: null });
      return predictor;
    },
    async close() {
      for (const { predictor } of sessions.values()) await predictor.close();
      sessions.clear();
    },
  };
}

/** A power of two, so that requests of a few images more or less need no compiling. */
function predictedAtOnce(images: number): number {
  let atOnce = 1;
  while (atOnce < images && atOnce < mostPredicted) atOnce *= 2;
  return atOnce;
}

function networkKey({ engine, provider, threads, network, classes }: NetworkRequest): string {
  return JSON.stringify([engine, provider, threads, classes, network]);
}

/** What else a compiled training step depends on: epochs, schedule and learning rate are given step by step. */
function trainingKey({ hyperParameters, classWeights, isCorrected = false }: SessionRequest): string {
  const { batchSize, optimiser, momentum, weightDecay, labelSmoothing, proximalStrength, privacy } = hyperParameters;
  const { loss, focalGamma, clipNorm } = hyperParameters;
  const ofUpdate = [batchSize, optimiser, momentum, weightDecay, proximalStrength, clipNorm];
  return JSON.stringify([...ofUpdate, loss, focalGamma, labelSmoothing, privacy, classWeights, isCorrected]);
}
