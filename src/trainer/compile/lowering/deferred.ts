// Results that are not written down yet, because what reads them can often be computed in one pass over memory with
// them. Whoever cannot simply asks for the value: then it is computed as usual, once.
import { elementTypes } from '../onnx/model-bytes.ts';
import { sameShape } from './layout.ts';
import type { Held, Lowered, Lowering } from './lowered.ts';

export type Deferred =
  /** image · factor of each channel */
  | { readonly kind: 'scaled'; readonly image: Held; readonly factors: string }
  /** a · b, two images of one shape */
  | { readonly kind: 'product'; readonly a: Held; readonly b: Held }
  /** 1 where positive, else 0 */
  | { readonly kind: 'step'; readonly of: Held };

/** The value itself. */
export function computed(deferred: Deferred, lowering: Lowering): Held {
  const { graph } = lowering;
  switch (deferred.kind) {
    case 'scaled': {
      const { image, factors } = deferred;
      const perChannel = graph.reshape(factors, [1, image.shape[3]!, 1, 1]);
      return { ...image, name: graph.node('Mul', [image.name, perChannel]) };
    }
    case 'product':
      return { ...deferred.a, name: graph.node('Mul', [deferred.a.name, deferred.b.name]) };
    case 'step':
      return { ...deferred.of, name: positives(deferred.of, lowering) };
  }
}

/** A product as an image scaled per channel, or null where it is something else. */
export function scaledImage(a: Lowered, b: Lowered, lowering: Lowering): Deferred | null {
  const [image, vector] = isImage(a) ? [a, b] : [b, a];
  if (!isImage(image) || vector.kind !== 'held') return null;
  const factors = channelVector(vector, image.shape[3]!, lowering);
  return factors === null ? null : { kind: 'scaled', image, factors };
}

/** A product of two whole images: summed up, it need not be written down. */
export function imageProduct(a: Lowered, b: Lowered): Deferred | null {
  return isImage(a) && isImage(b) && sameShape(a.shape, b.shape) ? { kind: 'product', a, b } : null;
}

/** image · factors + offsets in one pass: batch norm's operator with mean 0 and variance 1. */
export function affine(scaled: Deferred & { kind: 'scaled' }, offset: Lowered, lowering: Lowering): Held | null {
  const channels = scaled.image.shape[3]!;
  const offsets = offset.kind === 'held' ? channelVector(offset, channels, lowering) : null;
  if (offsets === null) return null;
  const { graph } = lowering;
  const [zeros, ones] = [0, 1].map((value) => graph.floats(new Float32Array(channels).fill(value), [channels]));
  const operands = [scaled.image.name, scaled.factors, offsets, zeros!, ones!];
  return { ...scaled.image, name: graph.node('BatchNormalization', operands, { epsilon: { float: 0 } }) };
}

/** value · step: where the stepped value is positive, the value, else 0. */
export function gated(value: Lowered, step: Deferred & { kind: 'step' }, lowering: Lowering): Held | null {
  const { of } = step;
  const { graph } = lowering;
  if (value.kind === 'held' && !(sameShape(value.shape, of.shape) && value.layout === of.layout)) return null;
  const operand = value.kind === 'held' ? value.name : lowering.broadcastable(value.of, of.shape.length, of.layout);
  if (!sameShape(value.shape, of.shape)) return null;
  return { ...of, name: graph.node('Mul', [operand, positives(of, lowering)]) };
}

/** 1 where positive, else 0. Not by Sign, which WebGPU lacks. */
function positives(of: Held, { graph }: Lowering): string {
  return graph.node('Cast', [graph.node('Greater', [of.name, graph.scalar(0)])], { to: elementTypes.float32 });
}

function isImage(value: Lowered): value is Held {
  return value.kind === 'held' && value.layout === 'image' && value.shape[1]! * value.shape[2]! > 1;
}

/** The name of a value that has one number per channel, as a vector; null for any other. */
function channelVector(value: Held, channels: number, { graph }: Lowering): string | null {
  if (value.layout !== 'plain' || value.shape.at(-1) !== channels) return null;
  if (value.shape.slice(0, -1).some((size) => size !== 1)) return null;
  return value.shape.length === 1 ? value.name : graph.reshape(value.name, [channels]);
}
