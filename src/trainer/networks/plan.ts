// From a network's definition to a plan: layers in an order in which each finds its inputs computed, with every shape
// known and every limit checked before anything is built or allocated.
import { networkLimits, type Layer, type Network, type WeightSpecification } from '../../contract/network.ts';
import { networkUnusable } from './faults.ts';
import { multiplications, outputShape } from './layer-shapes.ts';
import { layerWeights } from './layer-weights.ts';

export interface PlannedLayer {
  readonly layer: Layer;
  readonly inputs: readonly string[];
  /** Shape of one image's value, without the batch: [height, width, channels] or [units]. */
  readonly inputShapes: readonly (readonly number[])[];
  readonly shape: readonly number[];
}

export interface NetworkPlan {
  readonly network: Network;
  readonly classes: number;
  readonly layers: readonly PlannedLayer[];
  /** In canonical order: the order in which the definition lists the layers. */
  readonly weights: readonly WeightSpecification[];
  /** Trainable values. */
  readonly parameters: number;
  /** For one image: multiplications, and values of all layers. */
  readonly multiplications: number;
  readonly values: number;
}

/** The plan of a network for this many classes. @throws Fault 300 naming the layer that is wrong. */
export function planNetwork(network: Network, classes: number): NetworkPlan {
  const fail = (layer: string, reason: string) => networkUnusable(network.name, layer, reason);
  const byId = new Map<string, Layer>();
  for (const layer of network.layers) {
    if (layer.id === 'input' || byId.has(layer.id)) throw fail(layer.id, 'has a name that is already taken');
    byId.set(layer.id, layer);
  }
  if (!byId.has(network.output)) throw fail(network.output, 'is named as the output but does not exist');
  const { height, width, channels } = network.input;
  // Further channels are the neighbours of a slice, as many on one side as on the other.
  if (channels % 2 === 0)
    throw fail('input', `takes ${channels} channels, where a slice and its neighbours are an odd number`);
  const shapes = new Map<string, readonly number[]>([['input', [height, width, channels]]]);
  const planned = new Map<string, PlannedLayer>();
  const totals = { values: 0, multiplications: 0 };
  for (const layer of inComputationOrder(network, byId)) {
    const inputs = inputsOf(layer);
    const inputShapes = inputs.map((input) => shapes.get(input)!);
    const shape = outputShape(layer, inputShapes, classes);
    if (typeof shape === 'string') throw fail(layer.id, shape);
    if (valueCount(shape) > networkLimits.layerValues) throw fail(layer.id, 'makes values that are too large');
    totals.values += valueCount(shape);
    totals.multiplications += multiplications(layer, inputShapes, shape);
    if (totals.values > networkLimits.totalValues) throw fail(layer.id, 'makes one image need too much memory');
    if (totals.multiplications > networkLimits.multiplications) throw fail(layer.id, 'makes one image take too long');
    shapes.set(layer.id, shape);
    planned.set(layer.id, { layer, inputs, inputShapes, shape });
  }
  const output = shapes.get(network.output)!;
  const needed = network.task === 'segmentation' ? [height, width, classes] : [classes];
  if (output.join() !== needed.join()) {
    const each = network.task === 'segmentation' ? `each pixel of ${height} × ${width} and ` : '';
    throw fail(
      network.output,
      `gives [${output.join(' × ')}] where one logit for ${each}each of ${classes} classes is needed`,
    );
  }
  const weights = network.layers.flatMap((layer) => layerWeights(layer, planned.get(layer.id)!, classes));
  const parameters = weights
    .filter(({ kind }) => kind === 'trainable')
    .reduce((total, { shape }) => total + valueCount(shape), 0);
  if (parameters > networkLimits.parameters) {
    throw fail(network.output, `ends a network of ${parameters} parameters, more than ${networkLimits.parameters}`);
  }
  return { network, classes, layers: [...planned.values()], weights, parameters, ...totals };
}

/** The layers that a layer reads. */
export function inputsOf(layer: Layer): readonly string[] {
  return 'inputs' in layer ? layer.inputs : [layer.input];
}

export function valueCount(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

/** Kahn's algorithm; among the layers that are ready the definition's order decides. */
function inComputationOrder(network: Network, byId: ReadonlyMap<string, Layer>): Layer[] {
  const done = new Set(['input']);
  const order: Layer[] = [];
  let waiting: readonly Layer[] = network.layers;
  for (const layer of waiting) {
    const unknown = inputsOf(layer).find((input) => input !== 'input' && !byId.has(input));
    if (unknown !== undefined) throw networkUnusable(network.name, layer.id, `reads ${unknown}, which does not exist`);
  }
  while (waiting.length > 0) {
    const left: Layer[] = [];
    for (const layer of waiting) {
      if (!inputsOf(layer).every((input) => done.has(input))) {
        left.push(layer);
        continue;
      }
      order.push(layer);
      done.add(layer.id);
    }
    if (left.length === waiting.length)
      throw networkUnusable(network.name, left[0]!.id, 'reads its own result (a cycle)');
    waiting = left;
  }
  return order;
}
