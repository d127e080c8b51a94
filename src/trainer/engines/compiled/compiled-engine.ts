// The default engine: TensorFlow.js traced and compiled to ONNX, run by ONNX Runtime.
import type { Engine, EngineOptions } from '../engine.ts';
import { openCompiledSession } from './compiled-session.ts';

/** Opens the engine. */
export async function openCompiledEngine({ threads }: EngineOptions): Promise<Engine> {
  return {
    name: 'compiled',
    provider: 'cpu',
    fallbacks: [],
    open: (options) => openCompiledSession(options, 'cpu', threads),
  };
}
