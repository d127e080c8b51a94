// The default engine: TensorFlow.js traced and compiled to ONNX, run by ONNX Runtime on the best provider that proves
// itself on this very network.
import type { Engine, EngineOptions, Fallback, SessionOptions, TrainingSession } from '../engine.ts';
import { engineUnavailable } from '../faults.ts';
import { testChance } from '../../privacy/noise.ts';
import { openCompiledSession } from './compiled-session.ts';
import { candidates, reasonAgainst } from './providers.ts';
import { selfTest } from './self-test.ts';

/**
 * Opens the engine. With `auto`, a provider that is absent, wrong or slower than the CPU is passed over with a reason;
 * one that was asked for by name must be there and right.
 */
export async function openCompiledEngine({ provider, threads }: EngineOptions): Promise<Engine> {
  const fallbacks: Fallback[] = [];
  const tried = candidates(provider);
  return {
    name: 'compiled',
    provider,
    fallbacks,
    async open(options) {
      for (const candidate of tried) {
        const reason = reasonAgainst(candidate);
        const outcome = reason ?? (await provenSession(options, candidate, threads, provider === 'auto'));
        if (typeof outcome !== 'string') return outcome;
        if (provider !== 'auto') {
          throw engineUnavailable(`compiled (${candidate})`, outcome, 'Choose the provider “auto” or “cpu”.');
        }
        if (!fallbacks.some((known) => known.provider === candidate && known.reason === outcome))
          fallbacks.push({ provider: candidate, reason: outcome, isHere: reason === null });
      }
      return openCompiledSession(options, 'cpu', threads);
    },
  };
}

/** A fresh session on the provider, or the reason why it is not to be used. */
async function provenSession(
  options: SessionOptions,
  provider: string,
  threads: number,
  mustBeFaster: boolean,
): Promise<TrainingSession | string> {
  let tested: TrainingSession | null = null;
  let cpu: TrainingSession | null = null;
  try {
    // Noise, where there is any, must be the same for both.
    tested = await openCompiledSession({ ...options, chance: testChance(1) }, provider, threads);
    cpu = await openCompiledSession({ ...options, chance: testChance(1) }, 'cpu', threads);
    const result = await selfTest(tested, cpu, options);
    // A session that moved to the CPU in the middle has failed the test, whatever its numbers.
    if (tested.provider !== provider) return 'it failed while it computed';
    if (!result.isRight) return result.reason;
    if (mustBeFaster && result.speedUp <= 1) return `it is slower than the CPU (${result.speedUp.toFixed(2)}×)`;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  } finally {
    await tested?.close();
    await cpu?.close();
  }
  return openCompiledSession(options, provider, threads);
}
