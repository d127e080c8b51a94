// From a program to one static ONNX graph: trace, drop what nobody needs, lower kernel by kernel.
import type { Program } from '../networks/program.ts';
import { kernelUnknown } from './faults.ts';
import { convolutions } from './lowering/convolutions.ts';
import { elementwise } from './lowering/elementwise.ts';
import { physicalShape, type Layout } from './lowering/layout.ts';
import { Lowering, type LoweringOptions } from './lowering/lowered.ts';
import { matrices } from './lowering/matrices.ts';
import { normalisation } from './lowering/normalisation.ts';
import { pooling } from './lowering/pooling.ts';
import { reductions } from './lowering/reductions.ts';
import type { LoweringTable } from './lowering/rule.ts';
import { shaping } from './lowering/shaping.ts';
import { GraphBuilder } from './onnx/graph-builder.ts';
import { liveCalls } from './tape.ts';
import { traceProgram } from './trace.ts';

const rules: LoweringTable = {
  ...elementwise,
  ...shaping,
  ...reductions,
  ...matrices,
  ...convolutions,
  ...pooling,
  ...normalisation,
};

export interface Port {
  readonly name: string;
  /** Logical shape, as TensorFlow.js has it. */
  readonly shape: readonly number[];
  /** How the engine must lay the numbers out. */
  readonly layout: Layout;
  readonly physicalShape: readonly number[];
}

export interface CompiledProgram {
  /** An ONNX model. */
  readonly model: Uint8Array;
  readonly inputs: ReadonlyMap<string, Port>;
  readonly outputs: ReadonlyMap<string, Port>;
}

export interface CompileOptions
  extends Pick<LoweringOptions, 'processor'>, Partial<Pick<LoweringOptions, 'exactSums'>> {
  /** Layouts of rank-4 inputs and outputs that are not plain: filters and what belongs to them. */
  readonly layoutOf: (name: string, shape: readonly number[]) => Layout;
}

/** Compiles a program. @throws Fault 310, 311 naming a kernel that has no rule or a use of it that is not covered. */
export function compileProgram(program: Program, options: CompileOptions): CompiledProgram {
  const trace = traceProgram(program);
  const calls = liveCalls(trace.tape, trace.outputs.values());
  const graph = new GraphBuilder();
  const { processor, exactSums = false } = options;
  const poolIndices = processor !== null && calls.some(({ kernel }) => kernel === 'MaxPoolGrad');
  const lowering = new Lowering(graph, { processor, poolIndices, exactSums });
  const portOf = (name: string, shape: readonly number[]): Port => {
    const layout = options.layoutOf(name, shape);
    return { name, shape, layout, physicalShape: physicalShape(shape, layout) };
  };
  const inputs = new Map<string, Port>();
  for (const [name, value] of trace.inputs) {
    const port = portOf(name, value.shape);
    inputs.set(name, port);
    lowering.set(value, lowering.held(graph.input(`in:${name}`, port.physicalShape), value.shape, port.layout));
  }
  for (const call of calls) {
    const rule = rules[call.kernel];
    if (rule === undefined) throw kernelUnknown(call.kernel);
    const result = rule(call, lowering);
    if ('deferred' in result) lowering.defer(call.output, result.deferred);
    else lowering.set(call.output, result);
  }
  const outputs = new Map<string, Port>();
  for (const [name, value] of trace.outputs) {
    const port = portOf(name, value.shape);
    outputs.set(name, port);
    const lowered = lowering.get(value);
    const held = port.layout === 'plain' ? lowering.plain(lowered) : lowering.filter(lowered);
    graph.output(`out:${name}`, held, port.physicalShape);
  }
  return { model: graph.bytes(), inputs, outputs };
}
