// Weights and optimiser slots as two sets of buffers: a step reads one and writes the other, then they change places.
// Nothing is allocated per step, and a step that fails has changed nothing.
import type { CompiledProgram } from '../../compile/compile-program.ts';
import { valueCount } from '../../networks/plan.ts';
import type { ProgramInput } from '../../networks/program.ts';
import { gatherLogical, layOut } from './tensor-layout.ts';
import { inputName, outputName, tensorOf, type Tensor } from './onnx-session.ts';

interface Slot {
  now: Tensor;
  next: Tensor;
}

export class CompiledState {
  readonly #compiled: CompiledProgram;
  readonly #slots = new Map<string, Slot>();

  constructor(compiled: CompiledProgram, state: readonly ProgramInput[]) {
    this.#compiled = compiled;
    for (const { name, shape } of state) {
      const empty = () => tensorOf(new Float32Array(valueCount(shape)), compiled.inputs.get(name)!);
      this.#slots.set(name, { now: empty(), next: empty() });
    }
  }

  /** What a run reads, by the graph's input names. */
  inputs(names: Iterable<string> = this.#slots.keys()): Record<string, Tensor> {
    return Object.fromEntries([...names].map((name) => [inputName(name), this.#slots.get(name)!.now]));
  }

  /** Where a step writes, by the graph's output names. */
  outputs(): Record<string, Tensor> {
    return Object.fromEntries([...this.#slots].map(([name, { next }]) => [outputName(name), next]));
  }

  /** After a step: what was written becomes what is read. */
  advance(): void {
    for (const slot of this.#slots.values()) [slot.now, slot.next] = [slot.next, slot.now];
  }

  read(name: string): Float32Array {
    return gatherLogical(this.#slots.get(name)!.now.data as Float32Array, this.#compiled.inputs.get(name)!);
  }

  write(name: string, values: Float32Array): void {
    layOut(values, this.#compiled.inputs.get(name)!, this.#slots.get(name)!.now.data as Float32Array);
  }
}
