// Values on their way from the tape into the ONNX graph.
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { TracedValue } from '../tape.ts';
import { computed, type Deferred } from './deferred.ts';
import { isTrivialTransposition, orderFrom, orderTo, physicalShape, sameShape, sizeOf, type Layout } from './layout.ts';

/** A value in the graph. */
export interface Held {
  readonly kind: 'held';
  readonly name: string;
  /** Logical shape. */
  readonly shape: readonly number[];
  readonly layout: Layout;
}

/** A small value that stands for a larger one by repetition; it is only written out where an operator needs it whole. */
export interface Repeated {
  readonly kind: 'repeated';
  readonly of: Held;
  readonly shape: readonly number[];
}

export type Lowered = Held | Repeated;

/** What ONNX Runtime's CPU provider has, or is fast at, beside ONNX's standard operators. */
export interface ProcessorKernels {
  /** Channels in a block of its own layout for convolutions; null where this processor has no such kernels. */
  readonly channelBlock: number | null;
}

export interface LoweringOptions {
  /** null: for any provider and any runtime. */
  readonly processor: ProcessorKernels | null;
  /** Whether pools keep where their maxima lay, for a gradient. Only the CPU provider can. */
  readonly poolIndices: boolean;
  /** Whether convolutions are written so that a kernel that adds up one by one does not round more than others (exact-sums.ts). */
  readonly exactSums: boolean;
}

/** The state of one lowering: the graph, the values known so far, and conversions between layouts (each made once). */
export class Lowering {
  readonly graph: GraphBuilder;
  readonly options: LoweringOptions;
  readonly #values = new Map<TracedValue, Lowered>();
  readonly #deferred = new Map<TracedValue, Deferred>();

  constructor(graph: GraphBuilder, options: LoweringOptions) {
    this.graph = graph;
    this.options = options;
  }

  set(traced: TracedValue, value: Lowered): void {
    this.#values.set(traced, value);
  }

  /** Notes a result that is computed when somebody asks for the value itself. */
  defer(traced: TracedValue, deferred: Deferred): void {
    this.#deferred.set(traced, deferred);
  }

  deferred<Kind extends Deferred['kind']>(traced: TracedValue, kind: Kind): (Deferred & { kind: Kind }) | null {
    const found = this.#deferred.get(traced);
    return found?.kind === kind ? (found as Deferred & { kind: Kind }) : null;
  }

  get(traced: TracedValue): Lowered {
    const known = this.#values.get(traced);
    if (known !== undefined) return known;
    const deferred = this.#deferred.get(traced);
    if (deferred !== undefined) {
      const value = computed(deferred, this);
      this.set(traced, value);
      return value;
    }
    if (traced.constant === null) throw new Error('a value is used before it is computed');
    const name = this.graph.floats(Float32Array.from(traced.constant), traced.shape);
    const value: Held = { kind: 'held', name, shape: traced.shape, layout: 'plain' };
    this.set(traced, value);
    return value;
  }

  held(name: string, shape: readonly number[], layout: Layout): Held {
    return { kind: 'held', name, shape, layout };
  }

  plain(value: Lowered): string {
    return this.#in(value, 'plain');
  }

  image(value: Lowered): string {
    return this.#in(value, 'image');
  }

  filter(value: Lowered): string {
    return this.#in(value, 'filter');
  }

  /** The value's name after bringing it into a layout; repeated values are written out. */
  #in(value: Lowered, layout: Layout): string {
    if (value.kind === 'repeated') {
      const whole = physicalShape(value.shape, layout);
      return this.graph.node('Expand', [
        this.broadcastable(value.of, value.shape.length, layout),
        this.graph.integers(whole),
      ]);
    }
    if (value.layout === layout) return value.name;
    const { name, shape } = value;
    if (value.layout === 'plain') return this.#move(name, shape, orderTo(layout as 'image' | 'filter'));
    const from = orderFrom(value.layout);
    const plain = this.#move(name, physicalShape(shape, value.layout), from);
    return this.#in(this.held(plain, shape, 'plain'), layout);
  }

  /** A small operand of an elementwise operator whose result has this rank and layout. */
  broadcastable(value: Held, rank: number, layout: Layout): string {
    if (layout === 'plain') return this.plain(value);
    if (sizeOf(value.shape) === 1) return value.shape.length <= rank ? value.name : this.graph.reshape(value.name, []);
    if (value.shape.length === rank) return this.#in(value, layout);
    const shape = [...Array.from({ length: rank - value.shape.length }, () => 1), ...value.shape];
    const widened = this.held(this.graph.reshape(this.plain(value), shape), shape, 'plain');
    return this.#in(widened, layout);
  }

  reshaped(value: Lowered, shape: readonly number[]): Lowered {
    if (sameShape(value.shape, shape)) return value;
    if (value.kind === 'repeated' && sizeOf(value.of.shape) === 1) return { kind: 'repeated', of: value.of, shape };
    return this.held(this.graph.reshape(this.plain(value), shape), shape, 'plain');
  }

  #move(name: string, physical: readonly number[], order: readonly number[]): string {
    if (!isTrivialTransposition(physical, order)) return this.graph.transpose(name, order);
    const moved = order.map((axis) => physical[axis]!);
    return sameShape(moved, physical) ? name : this.graph.reshape(name, moved);
  }
}
