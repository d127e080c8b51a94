// Tensors that several programs share, wherever an engine keeps them.
import type { Program, ProgramInput } from '../networks/program.ts';

export interface StoredProgram {
  /**
   * Runs once. Inputs that the store holds are taken from there and outputs that it holds are put there.
   * @param given the other inputs by name; arrays may be used again afterwards
   * @returns the other outputs by name
   */
  run(given: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>>;
}

export interface ProgramStore {
  /** What computes now. */
  readonly provider: string;
  /** @throws Fault 310, 311, 321. */
  add(program: Program): Promise<StoredProgram>;
  /** A copy, in TensorFlow.js's layout. */
  read(name: string): Float32Array;
  /** Copies the values in. */
  write(name: string, values: Float32Array): void;
  /** A second call does nothing. */
  close(): Promise<void>;
}

/** Opens a store that holds these tensors, all zero at first. */
export type OpenProgramStore = (held: readonly ProgramInput[]) => Promise<ProgramStore>;
