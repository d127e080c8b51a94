// Engines and compiled networks, kept from one job to the next: a federation's rounds compile once.
import type { Network } from '../../contract/network.ts';
import { type HyperParameters, hyperParametersSchema, type TrainJob } from '../../contract/training.ts';
import type { Engine, Fallback, TrainingSession } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';

/** Compiled networks kept; the one unused for longest is closed. Each holds weights, gradients and buffers. */
const maxSessions = 2;

/** What predictions depend on. */
export interface PredictionRequest extends Pick<TrainJob, 'engine' | 'provider' | 'threads'> {
  readonly network: Network;
  readonly classes: number;
}

export interface SessionRequest extends PredictionRequest {
  readonly hyperParameters: HyperParameters;
  /** Null weighs all classes alike. */
  readonly classWeights: readonly number[] | null;
}

export interface OpenSession {
  readonly session: TrainingSession;
  /** Providers that the engine passed over, each with its reason. */
  readonly passedOver: readonly Fallback[];
  /** Optimiser state of a fresh session: an earlier job must leave no momentum behind. */
  readonly initialOptimiserState: ReadonlyMap<string, Float32Array>;
}

export interface SessionCache {
  /** The session for this training; its weights and optimiser state are whatever the job before left. */
  open(request: SessionRequest): Promise<OpenSession>;
  /** Any session that computes this network, a training's if one is open. */
  openForPrediction(request: PredictionRequest): Promise<TrainingSession>;
  close(): Promise<void>;
}

export function sessionCache(): SessionCache {
  const engines = new Map<string, Engine>();
  // Insertion order is order of last use.
  const sessions = new Map<string, OpenSession>();
  const engineFor = async ({ engine, provider, threads }: SessionRequest): Promise<Engine> => {
    const key = `${engine} ${provider} ${threads}`;
    const known = engines.get(key);
    if (known !== undefined) return known;
    const opened = await openEngine({ engine, provider, threads });
    engines.set(key, opened);
    return opened;
  };
  const open = async (request: SessionRequest): Promise<OpenSession> => {
    const key = `${networkKey(request)} ${trainingKey(request)}`;
    const known = sessions.get(key);
    if (known !== undefined) {
      sessions.delete(key);
      sessions.set(key, known);
      return known;
    }
    const engine = await engineFor(request);
    while (sessions.size >= maxSessions) {
      const [oldest, { session }] = sessions.entries().next().value!;
      sessions.delete(oldest);
      await session.close();
    }
    const { network, classes, hyperParameters, classWeights } = request;
    // No seed: dropout masks come from the step's number alone, or every round of a federation would compile again.
    const session = await engine.open({
      network,
      classes,
      batchSize: hyperParameters.batchSize,
      hyperParameters,
      classWeights,
    });
    const opened = { session, passedOver: [...engine.fallbacks], initialOptimiserState: session.optimiserState() };
    sessions.set(key, opened);
    return opened;
  };
  return {
    open,
    async openForPrediction(request) {
      const prefix = `${networkKey(request)} `;
      for (const [key, { session }] of sessions) if (key.startsWith(prefix)) return session;
      const hyperParameters = hyperParametersSchema.parse({});
      return (await open({ ...request, hyperParameters, classWeights: null })).session;
    },
    async close() {
      for (const { session } of sessions.values()) await session.close();
      sessions.clear();
    },
  };
}

function networkKey({ engine, provider, threads, network, classes }: PredictionRequest): string {
  return JSON.stringify([engine, provider, threads, classes, network]);
}

/** What else a compiled training step depends on: epochs, schedule and learning rate are given step by step. */
function trainingKey({ hyperParameters, classWeights }: SessionRequest): string {
  const { batchSize, optimiser, momentum, weightDecay, labelSmoothing, proximalStrength, privacy } = hyperParameters;
  const { loss, focalGamma, clipNorm } = hyperParameters;
  const ofUpdate = [batchSize, optimiser, momentum, weightDecay, proximalStrength, clipNorm];
  return JSON.stringify([...ofUpdate, loss, focalGamma, labelSmoothing, privacy, classWeights]);
}
