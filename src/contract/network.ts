// A network is data: a graph of known layers, checked against limits before anything is built. Never code.
import { z } from 'zod';

/** Limits on any network, local or received. */
export const networkLimits = {
  layers: 2_000,
  parameters: 200_000_000,
  /** Values of one layer for one image: 4 GiB of float32 at a batch of 16. */
  layerValues: 64 * 1024 * 1024,
  /** Values of all layers for one image: training keeps about three times as many float32. */
  totalValues: 512 * 1024 * 1024,
  /** Multiplications of all layers for one image; ResNet-18 at 128 × 128 has 0.6 · 10⁹. */
  multiplications: 1_000_000_000_000,
  inputSide: 1_024,
  inputChannels: 16,
  filters: 4_096,
  kernel: 15,
} as const;

const layerId = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/);
const from = { id: layerId, input: layerId };
const filters = z.number().int().min(1).max(networkLimits.filters);
/** `classes`: as many as the data set has classes, for the layer that gives the logits. */
const units = z.union([z.literal('classes'), filters], {
  error: `must be classes, or a whole number from 1 to ${networkLimits.filters}`,
});
const kernel = z.number().int().min(1).max(networkLimits.kernel);
const stride = z.number().int().min(1).max(8);
/** `same` pads as TensorFlow does; a number pads that many pixels on every side, as PyTorch does. */
const padding = z.union([z.literal('same'), z.literal('valid'), z.number().int().min(0).max(7)], {
  error: 'must be same, valid, or a whole number from 0 to 7',
});

/** One layer. Rank-4 values are NHWC; every layer names the layer(s) that it reads, `input` being the image. A field that is not known is refused: without it it would be another layer. */
export const layerSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('conv'),
    ...from,
    filters: units,
    kernel,
    stride: stride.default(1),
    padding: padding.default('same'),
    bias: z.boolean().default(true),
  }),
  z.strictObject({
    op: z.literal('depthwise-conv'),
    ...from,
    kernel,
    stride: stride.default(1),
    padding: padding.default('same'),
    bias: z.boolean().default(true),
  }),
  z.strictObject({
    op: z.literal('transposed-conv'),
    ...from,
    filters,
    kernel,
    stride: stride.default(2),
    bias: z.boolean().default(true),
  }),
  z.strictObject({
    op: z.literal('batch-norm'),
    ...from,
    epsilon: z.number().positive().max(0.1).default(1e-5),
    momentum: z.number().min(0).max(1).default(0.9),
  }),
  z.strictObject({
    op: z.literal('group-norm'),
    ...from,
    groups: z.number().int().min(1).max(64),
    epsilon: z.number().positive().max(0.1).default(1e-5),
  }),
  z.strictObject({
    op: z.literal('instance-norm'),
    ...from,
    epsilon: z.number().positive().max(0.1).default(1e-5),
  }),
  z.strictObject({ op: z.literal('relu'), ...from }),
  z.strictObject({ op: z.literal('swish'), ...from }),
  z.strictObject({ op: z.literal('sigmoid'), ...from }),
  z.strictObject({ op: z.literal('max-pool'), ...from, size: kernel, stride, padding: padding.default('valid') }),
  z.strictObject({ op: z.literal('average-pool'), ...from, size: kernel, stride, padding: padding.default('valid') }),
  z.strictObject({ op: z.literal('global-average-pool'), ...from }),
  /** Each value becomes a square of `factor` × `factor` values. */
  z.strictObject({ op: z.literal('upsample'), ...from, factor: z.number().int().min(2).max(8).default(2) }),
  z.strictObject({ op: z.literal('dropout'), ...from, rate: z.number().min(0).max(0.95) }),
  z.strictObject({ op: z.literal('add'), id: layerId, inputs: z.array(layerId).length(2) }),
  z.strictObject({ op: z.literal('multiply'), id: layerId, inputs: z.array(layerId).length(2) }),
  z.strictObject({ op: z.literal('concat'), id: layerId, inputs: z.array(layerId).min(2).max(64) }),
  z.strictObject({
    op: z.literal('dense'),
    ...from,
    units,
    bias: z.boolean().default(true),
  }),
]);
export type Layer = z.infer<typeof layerSchema>;

/** What a network is asked: one class of each image, any number of classes of each image, or the class of each pixel. */
export const taskNames = ['classification', 'multi-label', 'segmentation'] as const;
export type Task = (typeof taskNames)[number];

export const networkSchema = z.strictObject({
  task: z.enum(taskNames).default('classification'),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  description: z.string().max(500),
  input: z.strictObject({
    height: z.number().int().min(8).max(networkLimits.inputSide),
    width: z.number().int().min(8).max(networkLimits.inputSide),
    channels: z.number().int().min(1).max(networkLimits.inputChannels),
  }),
  layers: z.array(layerSchema).min(1).max(networkLimits.layers),
  /** The layer whose values are the logits: one per class of each image, or of each pixel when the task is segmentation. */
  output: layerId,
});
export type Network = z.infer<typeof networkSchema>;

/** Names, shapes and kinds of a network's weights in canonical order: the order of its layers. */
export interface WeightSpecification {
  readonly name: string;
  readonly shape: readonly number[];
  /** Statistics (batch-norm mean and variance) are carried with the weights but not trained by gradient. */
  readonly kind: 'trainable' | 'statistic';
}

/** Names of what a network's normalisation layers hold: trained scales and offsets, measured means and variances. */
export function normalisationNames(network: Network): ReadonlySet<string> {
  const norms = network.layers.filter(({ op }) => op === 'batch-norm' || op === 'group-norm' || op === 'instance-norm');
  return new Set(norms.flatMap(({ id }) => ['scale', 'offset', 'mean', 'variance'].map((part) => `${id}.${part}`)));
}

/** Names of a network's statistics: the running mean and variance of its batch norms. */
export function statisticNames(network: Network): ReadonlySet<string> {
  const norms = network.layers.filter(({ op }) => op === 'batch-norm');
  return new Set(norms.flatMap(({ id }) => [`${id}.mean`, `${id}.variance`]));
}
