// Matrix products.
import type { LoweringTable } from './rule.ts';

export const matrices: LoweringTable = {
  BatchMatMul: ({ inputs, attributes, output }, lowering) => {
    const { graph } = lowering;
    const [a, b] = [inputs['a']!, inputs['b']!];
    const names = [lowering.plain(lowering.get(a)), lowering.plain(lowering.get(b))];
    const transposed = { transA: attributes['transposeA'] ? 1 : 0, transB: attributes['transposeB'] ? 1 : 0 };
    const single = output.shape.slice(0, -2).every((size) => size === 1);
    if (!single)
      return lowering.held(graph.node('com.microsoft:FusedMatMul', names, transposed), output.shape, 'plain');
    const flat = [a, b].map(({ shape }, index) =>
      shape.length === 2 ? names[index]! : graph.reshape(names[index]!, shape.slice(-2)),
    );
    const product = graph.node('Gemm', flat, transposed);
    return lowering.held(
      output.shape.length === 2 ? product : graph.reshape(product, output.shape),
      output.shape,
      'plain',
    );
  },
};
