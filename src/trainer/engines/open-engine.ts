// The one door to the engines.
import type { Engine, EngineOptions } from './engine.ts';

/**
 * The engine asked for: `compiled` (ONNX Runtime) or `tensorflow` (eager TensorFlow.js on a CUDA machine).
 * @throws Fault 320 when it cannot run on this machine.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  if (options.engine === 'compiled') {
    const { openCompiledEngine } = await import('./compiled/compiled-engine.ts');
    return openCompiledEngine(options);
  }
  const { openTensorflowEngine } = await import('./tensorflow/tensorflow-engine.ts');
  return openTensorflowEngine();
}
