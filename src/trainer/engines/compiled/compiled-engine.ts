// The default engine: TensorFlow.js traced and compiled to ONNX, run by ONNX Runtime on the best provider that proves
// itself on this very network.
import { silentChance } from '../../privacy/noise.ts';
import type { Fault } from '../../../contract/fault.ts';
import type { Engine, EngineOptions, Fallback, Opened, Predictor } from '../engine.ts';
import { engineUnavailable, isOutOfMemory } from '../faults.ts';
import { openCompiledPredictor } from './compiled-predictor.ts';
import { openCompiledSession } from './compiled-session.ts';
import { openOnnxSession } from './onnx-session.ts';
import { type AcceleratedProvider, acceleratedProviders, candidates, reasonAgainst } from './providers.ts';
import { predictionTest, type SelfTest, selfTest } from './self-test.ts';

/** How one kind of session is opened and tested. */
interface Kind<Session extends Predictor> {
  open(provider: string): Promise<Session>;
  /** As `open`, of what is only tested. */
  openForTest(provider: string): Promise<Session>;
  test(candidate: Session, cpu: Session): Promise<SelfTest>;
  /** Whether a lack of memory is the caller's to deal with. */
  readonly mayShrink: boolean;
}

/**
 * Opens the engine. With `auto`, a provider that is absent, wrong or slower than the CPU is passed over with a reason;
 * one that was asked for by name must be there, which is looked at here, and right, which is known when it has a network.
 * @throws Fault 320 when the provider that was asked for by name is not there
 * @param machine tests put devices in its place that are wrong, or short of memory
 */
export async function openCompiledEngine(
  { provider, threads }: EngineOptions,
  machine: { readonly openRuntime: typeof openOnnxSession; readonly reasonAgainst: typeof reasonAgainst } = {
    openRuntime: openOnnxSession,
    reasonAgainst,
  },
): Promise<Engine> {
  const tried = candidates(provider);
  const isHere = (candidate: AcceleratedProvider): boolean => machine.reasonAgainst(candidate) === null;
  const unavailable = (candidate: AcceleratedProvider, reason: string): Fault => {
    const others = [...acceleratedProviders.filter((other) => other !== candidate && isHere(other)), 'cpu'];
    const advice = `Choose ${others.map((other) => `“${other}”`).join(' or ')}, or “auto”, which takes the fastest that is right.`;
    return engineUnavailable(`compiled (${candidate})`, reason, advice);
  };
  for (const candidate of provider === 'auto' ? [] : tried) {
    const absent = machine.reasonAgainst(candidate);
    if (absent !== null) throw unavailable(candidate, absent);
  }
  async function choose<Session extends Predictor>(kind: Kind<Session>): Promise<Opened<Session>> {
    const passedOver: Fallback[] = [];
    for (const candidate of tried) {
      const absent = machine.reasonAgainst(candidate);
      const reason = absent ?? (await reasonAgainstUse(kind, candidate, provider === 'auto'));
      if (reason === null) return { session: await kind.open(candidate), passedOver };
      if (provider !== 'auto') throw unavailable(candidate, reason);
      passedOver.push({ provider: candidate, reason, isHere: absent === null });
    }
    return { session: await kind.open('cpu'), passedOver };
  }
  return {
    name: 'compiled',
    provider,
    open(options) {
      const openWith = (device: string, more: object) =>
        openCompiledSession({ ...options, ...more }, device, threads, machine.openRuntime);
      return choose({
        open: (device) => openWith(device, {}),
        // Noise would drown what is to be compared.
        openForTest: (device) => openWith(device, { chance: silentChance }),
        test: (candidate, cpu) => selfTest(candidate, cpu, options),
        mayShrink: options.mayShrink === true,
      });
    },
    openForPrediction(options) {
      const open = (device: string): Promise<Predictor> =>
        openCompiledPredictor(options, device, threads, machine.openRuntime);
      const test = (candidate: Predictor, cpu: Predictor): Promise<SelfTest> => predictionTest(candidate, cpu, options);
      return choose({ open, openForTest: open, test, mayShrink: false });
    },
  };
}

/** Why a provider that is here is not to be used for this; null where it has proven itself. */
async function reasonAgainstUse<Session extends Predictor & { readonly movedBecause?: string | null }>(
  { openForTest, test, mayShrink }: Kind<Session>,
  provider: string,
  mustBeFaster: boolean,
): Promise<string | null> {
  let tested: Session | null = null;
  let cpu: Session | null = null;
  try {
    tested = await openForTest(provider);
    cpu = await openForTest('cpu');
    const result = await test(tested, cpu);
    // A session that moved to the CPU in the middle has failed the test, whatever its numbers.
    if (tested.provider !== provider) throw new Error(tested.movedBecause ?? 'it failed while it computed');
    if (!result.isRight) return result.reason;
    return mustBeFaster && result.speedUp <= 1 ? `it is slower than the CPU (${result.speedUp.toFixed(2)}×)` : null;
  } catch (cause) {
    if (mayShrink && isOutOfMemory(cause)) throw cause;
    return cause instanceof Error ? cause.message : String(cause);
  } finally {
    await tested?.close();
    await cpu?.close();
  }
}
