// Which weights a layer has. Filters are HWIO, depthwise ones [h, w, channels, 1], transposed ones [h, w, out, in], as
// TensorFlow.js takes them.
import type { Layer, WeightSpecification } from '../../contract/network.ts';
import { counted } from './layer-shapes.ts';
import type { PlannedLayer } from './plan.ts';

/** The weights of one layer, named `LAYER.filter`, `.kernel`, `.bias`, `.scale`, `.offset`, `.mean`, `.variance`. */
export function layerWeights(layer: Layer, planned: PlannedLayer, classes: number): WeightSpecification[] {
  const input = planned.inputShapes[0]!;
  const channels = input.at(-1)!;
  const trainable = (part: string, ...shape: number[]): WeightSpecification => ({
    name: `${layer.id}.${part}`,
    shape,
    kind: 'trainable',
  });
  const statistic = (part: string): WeightSpecification => ({
    name: `${layer.id}.${part}`,
    shape: [channels],
    kind: 'statistic',
  });
  switch (layer.op) {
    case 'conv': {
      const filters = counted(layer.filters, classes);
      return [
        trainable('filter', layer.kernel, layer.kernel, channels, filters),
        ...(layer.bias ? [trainable('bias', filters)] : []),
      ];
    }
    case 'depthwise-conv':
      return [
        trainable('filter', layer.kernel, layer.kernel, channels, 1),
        ...(layer.bias ? [trainable('bias', channels)] : []),
      ];
    case 'transposed-conv':
      return [
        trainable('filter', layer.kernel, layer.kernel, layer.filters, channels),
        ...(layer.bias ? [trainable('bias', layer.filters)] : []),
      ];
    case 'batch-norm':
      return [trainable('scale', channels), trainable('offset', channels), statistic('mean'), statistic('variance')];
    case 'group-norm':
    case 'instance-norm':
      return [trainable('scale', channels), trainable('offset', channels)];
    case 'dense': {
      const units = counted(layer.units, classes);
      const inputs = input.reduce((total, size) => total * size, 1);
      return [trainable('kernel', inputs, units), ...(layer.bias ? [trainable('bias', units)] : [])];
    }
    default:
      return [];
  }
}
