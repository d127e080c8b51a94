// Kernels that work value by value. They keep the layout of what they read; repeated operands stay small.
import type { TracedValue } from '../tape.ts';
import { affine, gated, imageProduct, scaledImage } from './deferred.ts';
import { sameShape, sizeOf, type Layout } from './layout.ts';
import type { Held, Lowered, Lowering } from './lowered.ts';
import type { LoweringRule, LoweringTable } from './rule.ts';

const unaryOperators: Record<string, readonly string[]> = {
  Relu: ['Relu'],
  Sqrt: ['Sqrt'],
  Rsqrt: ['Sqrt', 'Reciprocal'],
  Exp: ['Exp'],
  Log: ['Log'],
  Neg: ['Neg'],
  Sigmoid: ['Sigmoid'],
  Tanh: ['Tanh'],
  Abs: ['Abs'],
};

const binaryOperators: Record<string, string> = {
  Sub: 'Sub',
  RealDiv: 'Div',
  Maximum: 'Max',
  Minimum: 'Min',
};

const unaryRule =
  (operators: readonly string[]): LoweringRule =>
  ({ inputs }, lowering) =>
    mapped(lowering.get(inputs['x']!), (name) =>
      operators.reduce((value, operator) => lowering.graph.node(operator, [value]), name),
    );

const binaryRule =
  (operator: string): LoweringRule =>
  ({ inputs, output }, lowering) =>
    joined(operator, lowering.get(inputs['a']!), lowering.get(inputs['b']!), output, lowering);

const repeatedConstant =
  (value: (attributes: Readonly<Record<string, unknown>>) => number): LoweringRule =>
  ({ attributes, output }, lowering) => ({
    kind: 'repeated',
    of: lowering.held(lowering.graph.scalar(value(attributes)), [], 'plain'),
    shape: output.shape,
  });

const unchanged: LoweringRule = ({ inputs }, lowering) => lowering.get(inputs['x']!);

export const elementwise: LoweringTable = {
  ...Object.fromEntries(Object.entries(unaryOperators).map(([kernel, operators]) => [kernel, unaryRule(operators)])),
  ...Object.fromEntries(Object.entries(binaryOperators).map(([kernel, operator]) => [kernel, binaryRule(operator)])),
  Step: ({ inputs }, lowering) => {
    const of = lowering.get(inputs['x']!);
    const whole = of.kind === 'held' ? of : lowering.held(lowering.plain(of), of.shape, 'plain');
    return { deferred: { kind: 'step', of: whole } };
  },
  Multiply: ({ inputs, output }, lowering) => {
    const [a, b] = [inputs['a']!, inputs['b']!];
    for (const [step, other] of [
      [lowering.deferred(b, 'step'), a],
      [lowering.deferred(a, 'step'), b],
    ] as const) {
      const result = step && gated(lowering.get(other), step, lowering);
      if (result) return result;
    }
    const [left, right] = [lowering.get(a), lowering.get(b)];
    const deferred = imageProduct(left, right) ?? scaledImage(left, right, lowering);
    return deferred ? { deferred } : joined('Mul', left, right, output, lowering);
  },
  Add: ({ inputs, output }, lowering) => {
    const [a, b] = [inputs['a']!, inputs['b']!];
    const scaled = lowering.deferred(a, 'scaled');
    const result = scaled && affine(scaled, lowering.get(b), lowering);
    return result ?? joined('Add', lowering.get(a), lowering.get(b), output, lowering);
  },
  // Every traced value is float32, so casts change nothing.
  Cast: unchanged,
  Identity: unchanged,
  Square: ({ inputs }, lowering) =>
    mapped(lowering.get(inputs['x']!), (name) => lowering.graph.node('Mul', [name, name])),
  AddN: ({ inputs, output }, lowering) =>
    Object.values(inputs)
      .map((input) => lowering.get(input))
      .reduce((sum, value) => joined('Add', sum, value, output, lowering)),
  Fill: repeatedConstant(({ value }) => value as number),
  ZerosLike: repeatedConstant(() => 0),
  OnesLike: repeatedConstant(() => 1),
};

function mapped(value: Lowered, operation: (name: string) => string): Lowered {
  if (value.kind === 'repeated') return { ...value, of: mapped(value.of, operation) as Held };
  return { ...value, name: operation(value.name) };
}

function joined(operator: string, a: Lowered, b: Lowered, output: TracedValue, lowering: Lowering): Lowered {
  const { shape } = output;
  if (operator === 'Mul') {
    // x · ones: how TensorFlow.js spreads a gradient over what was summed up.
    if (isOne(b, lowering)) return spread(a, shape);
    if (isOne(a, lowering)) return spread(b, shape);
  }
  const small = smallShape(a, b);
  if (small !== null && sizeOf(small) < sizeOf(shape)) {
    const inner = joined(operator, essence(a), essence(b), { ...output, shape: small }, lowering);
    return { kind: 'repeated', of: inner as Held, shape };
  }
  const layout = layoutOf(a, b, shape);
  const operand = (value: Lowered) => {
    const whole = sameShape(value.shape, shape) && value.kind === 'held';
    if (whole)
      return layout === 'plain'
        ? lowering.plain(value)
        : layout === 'image'
          ? lowering.image(value)
          : lowering.filter(value);
    return lowering.broadcastable(essence(value), shape.length, layout);
  };
  const { graph } = lowering;
  const isSingle = (value: Lowered) => sizeOf(essence(value).shape) === 1;
  if (layout === 'plain' && shape.at(-1) === 1 && sizeOf(shape) > 1 && (isSingle(a) || isSingle(b))) {
    // Flat: ONNX Runtime spreads a single number over a last axis of one value by a call for each of them.
    const flat = [a, b].map((value) => graph.reshape(operand(value), isSingle(value) ? [] : [sizeOf(shape)]));
    return lowering.held(graph.reshape(graph.node(operator, flat), shape), shape, 'plain');
  }
  return lowering.held(graph.node(operator, [operand(a), operand(b)]), shape, layout);
}

function essence(value: Lowered): Held {
  return value.kind === 'repeated' ? value.of : value;
}

/** The shape of the result's essence, when both operands repeat something small; else null. */
function smallShape(a: Lowered, b: Lowered): readonly number[] | null {
  if (a.kind !== 'repeated' && b.kind !== 'repeated') return null;
  const [left, right] = [essence(a).shape, essence(b).shape];
  const rank = Math.max(left.length, right.length);
  const padded = (shape: readonly number[]) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
  const [first, second] = [padded(left), padded(right)];
  return first.map((size, index) => Math.max(size, second[index]!));
}

function isOne(value: Lowered, lowering: Lowering): boolean {
  return value.kind === 'repeated' && value.of.shape.length === 0 && value.of.name === lowering.graph.scalar(1);
}

function spread(value: Lowered, shape: readonly number[]): Lowered {
  if (sameShape(value.shape, shape)) return value;
  return { kind: 'repeated', of: essence(value), shape };
}

/** The layout of the largest operand decides. */
function layoutOf(a: Lowered, b: Lowered, shape: readonly number[]): Layout {
  const whole = [a, b].filter((value): value is Held => value.kind === 'held' && sameShape(value.shape, shape));
  const special = whole.find(({ layout }) => layout !== 'plain') ?? whole[0];
  return special?.layout ?? 'plain';
}
