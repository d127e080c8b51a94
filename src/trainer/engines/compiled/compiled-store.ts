// A program store on ONNX Runtime: each program one graph. What a program changes is written beside what it reads, and
// the two change places when it has run: a run that fails has changed nothing.
import { compileProgram, type Port } from '../../compile/compile-program.ts';
import { type Layout, physicalShape } from '../../compile/lowering/layout.ts';
import { valueCount } from '../../networks/plan.ts';
import type { Program, ProgramInput } from '../../networks/program.ts';
import { sessionClosed, stepFailed } from '../faults.ts';
import type { ProgramStore } from '../program-store.ts';
import { inputName, type OnnxSession, openOnnxSession, outputName, type Tensor, tensorOf } from './onnx-session.ts';
import { processorKernels } from './processor-kernels.ts';
import { gatherLogical, layOut } from './tensor-layout.ts';

interface Slot {
  readonly port: Port;
  now: Tensor;
  /** Made when the first program writes here. */
  next: Tensor | null;
}

/** A provider that fails in the middle is left for the CPU, from the same values. */
export async function openCompiledStore(
  held: readonly ProgramInput[],
  provider: string,
  threads: number,
): Promise<ProgramStore> {
  const filters = new Set(held.filter(({ shape }) => shape.length === 4).map(({ name }) => name));
  const layoutOf = (name: string): Layout => (filters.has(name) ? 'filter' : 'plain');
  const slots = new Map<string, Slot>();
  for (const { name, shape } of held) {
    const layout = layoutOf(name);
    const port: Port = { name, shape, layout, physicalShape: physicalShape(shape, layout) };
    slots.set(name, { port, now: tensorOf(new Float32Array(valueCount(shape)), port), next: null });
  }
  const kernels = await processorKernels();
  let device = provider;
  let closed = false;
  const sessions = new Map<Program, OnnxSession>();
  const opened = async (program: Program): Promise<OnnxSession> => {
    const known = sessions.get(program);
    if (known !== undefined) return known;
    const compiled = compileProgram(program, { layoutOf, processor: device === 'cpu' ? kernels : null });
    const session = await openOnnxSession(compiled, device, threads).catch((cause: unknown) => {
      throw stepFailed(device, cause);
    });
    sessions.set(program, session);
    return session;
  };
  const closeSessions = async (): Promise<void> => {
    for (const session of sessions.values()) await session.close();
    sessions.clear();
  };
  const runOn = async (program: Program, given: ReadonlyMap<string, Float32Array>): Promise<Map<string, Tensor>> => {
    const session = await opened(program);
    const inputs: Record<string, Tensor> = {};
    for (const [name, port] of session.compiled.inputs) {
      inputs[inputName(name)] = slots.get(name)?.now ?? tensorOf(given.get(name)!, port);
    }
    const outputs = new Map<string, Tensor>();
    for (const [name, port] of session.compiled.outputs) {
      const empty = (): Tensor => tensorOf(new Float32Array(valueCount(port.shape)), port);
      const slot = slots.get(name);
      outputs.set(name, slot === undefined ? empty() : (slot.next ??= empty()));
    }
    await session.run(inputs, Object.fromEntries([...outputs].map(([name, tensor]) => [outputName(name), tensor])));
    return outputs;
  };
  return {
    get provider() {
      return device;
    },
    async add(program) {
      await opened(program);
      return {
        async run(given) {
          if (closed) throw sessionClosed();
          const written = await runOn(program, given).catch(async (cause: unknown) => {
            if (device === 'cpu') throw stepFailed(device, cause);
            await closeSessions();
            device = 'cpu';
            return runOn(program, given).catch((again: unknown) => {
              throw stepFailed(device, again);
            });
          });
          const others = new Map<string, Float32Array>();
          for (const [name, tensor] of written) {
            const slot = slots.get(name);
            if (slot === undefined) others.set(name, tensor.data as Float32Array);
            else [slot.now, slot.next] = [slot.next!, slot.now];
          }
          return others;
        },
      };
    },
    read(name) {
      const { now, port } = slots.get(name)!;
      return gatherLogical(now.data as Float32Array, port);
    },
    write(name, values) {
      const { now, port } = slots.get(name)!;
      layOut(values, port, now.data as Float32Array);
    },
    async close() {
      if (closed) return;
      closed = true;
      await closeSessions();
    },
  };
}
