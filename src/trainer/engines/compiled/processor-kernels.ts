// Which kernels ONNX Runtime's CPU provider has on this machine beside the standard operators, by trying them.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { blockedConvolution } from '../../compile/lowering/blocked-convolution.ts';
import type { ProcessorKernels } from '../../compile/lowering/lowered.ts';
import { GraphBuilder } from '../../compile/onnx/graph-builder.ts';

/** Sizes of a block that there are: 16 floats with AVX-512 and NEON, 8 with AVX (ONNX Runtime's MlasNchwcGetBlockSize). */
const blockSizes = [16, 8] as const;
/** Sums of 144 products of whole numbers are exact: any difference is an error. */
const channels = 16;
const side = 6;

/**
 * The size of a block is not told by the runtime. A convolution in blocks of another size fails or gives other numbers than
 * the plain one, so that what agrees is right.
 */
export async function processorKernels(): Promise<ProcessorKernels> {
  for (const channelBlock of blockSizes) if (await agrees(channelBlock)) return { channelBlock };
  return { channelBlock: null };
}

async function agrees(block: number): Promise<boolean> {
  const graph = new GraphBuilder();
  const image = [1, channels, side, side];
  const shape = {
    inChannels: channels,
    outChannels: channels,
    outHeight: side,
    outWidth: side,
    filterHeight: 3,
    filterWidth: 3,
  };
  const x = graph.input('x', image);
  const filter = graph.input('filter', [channels, channels, 3, 3]);
  const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  graph.output('plain', graph.node('Conv', [x, filter], window), image);
  const blocked = blockedConvolution({ shape, x, filter, isInputFirst: false, window }, block, graph);
  graph.output('blocked', blocked, image);
  const numbers = (dimensions: number[], modulus: number): Tensor => {
    const size = dimensions.reduce((total, length) => total * length, 1);
    return new Tensor(
      'float32',
      Float32Array.from({ length: size }, (_, index) => (index * 7) % modulus),
      dimensions,
    );
  };
  let session: InferenceSession | null = null;
  try {
    session = await InferenceSession.create(graph.bytes(), {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      graphOptimizationLevel: 'disabled',
      // Not to have a kernel is an answer here, not an error.
      logSeverityLevel: 4,
    });
    const { plain, blocked: other } = await session.run({
      x: numbers(image, 11),
      filter: numbers([channels, channels, 3, 3], 13),
    });
    const expected = plain!.data as Float32Array;
    return (other!.data as Float32Array).every((value, index) => value === expected[index]);
  } catch {
    // This processor has no kernel for blocks of this size.
    return false;
  } finally {
    await session?.release();
  }
}
