// Batch norm by running statistics, for predictions.
import type { LoweringTable } from './rule.ts';

export const normalisation: LoweringTable = {
  FusedBatchNorm: ({ inputs, attributes, output }, lowering) => {
    const { graph } = lowering;
    const channels = output.shape.at(-1)!;
    const vector = (name: 'scale' | 'offset' | 'mean' | 'variance', otherwise: number) => {
      const input = inputs[name];
      if (input === undefined) return graph.floats(new Float32Array(channels).fill(otherwise), [channels]);
      return lowering.plain(lowering.reshaped(lowering.get(input), [channels]));
    };
    const operands = [
      lowering.image(lowering.get(inputs['x']!)),
      vector('scale', 1),
      vector('offset', 0),
      vector('mean', 0),
      vector('variance', 1),
    ];
    const epsilon = { epsilon: { float: attributes['varianceEpsilon'] as number } };
    return lowering.held(graph.node('BatchNormalization', operands, epsilon), output.shape, 'image');
  },
};
