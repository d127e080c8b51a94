// Writes the larger bundled networks: their layer graphs are regular, and clearer as the few lines that make them.
// Usage: node scripts/build-networks.ts (then oxfmt resources/networks/*.json).
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Layer, networkSchema } from '../src/contract/network.ts';

const folder = path.resolve(import.meta.dirname, '../resources/networks');
type Written = { readonly op: Layer['op']; readonly id: string; readonly [key: string]: unknown };

/** A list of layers that remembers the last one. */
class Graph {
  readonly layers: Written[] = [];
  last = 'input';

  add(op: Layer['op'], id: string, more: Readonly<Record<string, unknown>> = {}): string {
    this.layers.push({ op, id, ...('inputs' in more || 'input' in more ? {} : { input: this.last }), ...more });
    this.last = id;
    return id;
  }

  conv(id: string, filters: number | 'classes', kernel: number, more: Readonly<Record<string, unknown>> = {}): string {
    return this.add('conv', id, { filters, kernel, bias: false, ...more });
  }
}

/** DenseNet-BC (arXiv 1608.06993): bottlenecks of 4 · growth, transitions that halve channels and sides. */
function denseNet(): object {
  const growth = 12;
  const blocks = [4, 6, 8, 6];
  const graph = new Graph();
  let channels = 2 * growth;
  graph.conv('stem.conv', channels, 3, { stride: 2 });
  for (const [index, units] of blocks.entries()) {
    for (let unit = 1; unit <= units; unit += 1) {
      const before = graph.last;
      const id = `block${index + 1}.unit${unit}`;
      graph.add('batch-norm', `${id}.norm1`);
      graph.add('relu', `${id}.relu1`);
      graph.conv(`${id}.conv1`, 4 * growth, 1);
      graph.add('batch-norm', `${id}.norm2`);
      graph.add('relu', `${id}.relu2`);
      graph.conv(`${id}.conv2`, growth, 3);
      graph.add('concat', `${id}.concat`, { inputs: [before, graph.last] });
      channels += growth;
    }
    if (index === blocks.length - 1) break;
    channels = Math.floor(channels / 2);
    graph.add('batch-norm', `transition${index + 1}.norm`);
    graph.add('relu', `transition${index + 1}.relu`);
    graph.conv(`transition${index + 1}.conv`, channels, 1);
    graph.add('average-pool', `transition${index + 1}.pool`, { size: 2, stride: 2 });
  }
  graph.add('batch-norm', 'final.norm');
  graph.add('relu', 'final.relu');
  graph.add('global-average-pool', 'average');
  graph.add('dense', 'logits', { units: 'classes' });
  return {
    name: 'densenet',
    description: 'A small DenseNet-BC (arXiv 1608.06993) for grey images of 64 × 64: few parameters, much reuse.',
    task: 'classification',
    input: { height: 64, width: 64, channels: 1 },
    layers: graph.layers,
    output: 'logits',
  };
}

/** EfficientNet (arXiv 1905.11946) with fewer and narrower stages: [filters, blocks, expansion, kernel, stride]. */
function efficientNet(): object {
  const stages = [
    [16, 1, 1, 3, 1],
    [24, 2, 4, 3, 2],
    [40, 2, 4, 5, 2],
    [80, 2, 4, 3, 2],
    [112, 1, 4, 5, 1],
  ] as const;
  const graph = new Graph();
  let channels = 16;
  graph.conv('stem.conv', channels, 3, { stride: 2 });
  graph.add('batch-norm', 'stem.norm');
  graph.add('swish', 'stem.swish');
  for (const [index, [filters, blocks, expansion, kernel, firstStride]] of stages.entries()) {
    for (let block = 1; block <= blocks; block += 1) {
      const before = graph.last;
      const id = `stage${index + 1}.block${block}`;
      const stride = block === 1 ? firstStride : 1;
      const wide = channels * expansion;
      if (expansion > 1) {
        graph.conv(`${id}.expand`, wide, 1);
        graph.add('batch-norm', `${id}.expand.norm`);
        graph.add('swish', `${id}.expand.swish`);
      }
      graph.add('depthwise-conv', `${id}.depthwise`, { kernel, stride, bias: false });
      graph.add('batch-norm', `${id}.depthwise.norm`);
      const gated = graph.add('swish', `${id}.depthwise.swish`);
      // Squeeze and excitation (arXiv 1709.01507), squeezed to a quarter of the block's input channels.
      graph.add('global-average-pool', `${id}.squeeze`);
      graph.add('dense', `${id}.reduce`, { units: Math.max(4, Math.floor(channels / 4)) });
      graph.add('swish', `${id}.reduce.swish`);
      graph.add('dense', `${id}.excite`, { units: wide });
      const gate = graph.add('sigmoid', `${id}.gate`);
      graph.add('multiply', `${id}.gated`, { inputs: [gated, gate] });
      graph.conv(`${id}.project`, filters, 1);
      graph.add('batch-norm', `${id}.project.norm`);
      if (stride === 1 && channels === filters) graph.add('add', `${id}.add`, { inputs: [graph.last, before] });
      channels = filters;
    }
  }
  graph.conv('head.conv', 256, 1);
  graph.add('batch-norm', 'head.norm');
  graph.add('swish', 'head.swish');
  graph.add('global-average-pool', 'average');
  graph.add('dropout', 'dropout', { rate: 0.2 });
  graph.add('dense', 'logits', { units: 'classes' });
  return {
    name: 'efficientnet',
    description:
      'A small EfficientNet (arXiv 1905.11946) for grey images of 64 × 64: depthwise convolutions and gates.',
    task: 'classification',
    input: { height: 64, width: 64, channels: 1 },
    layers: graph.layers,
    output: 'logits',
  };
}

/**
 * U-Net (arXiv 1505.04597) with batch norm and transposed convolutions. Weights in the order down, middle, up, merge,
 * out, which is that of the PyTorch reference.
 */
function uNet(
  base: number,
  depth: number,
  rest: { name: string; description: string; input: { height: number; width: number; channels: number } },
): object {
  const graph = new Graph();
  const double = (id: string, filters: number): string => {
    for (const half of ['a', 'b']) {
      graph.conv(`${id}.${half}.conv`, filters, 3);
      graph.add('batch-norm', `${id}.${half}.norm`);
      graph.add('relu', `${id}.${half}.relu`);
    }
    return graph.last;
  };
  const skips: string[] = [];
  for (let level = 1; level <= depth; level += 1) {
    skips.push(double(`down${level}`, base * 2 ** (level - 1)));
    graph.add('max-pool', `down${level}.pool`, { size: 2, stride: 2 });
  }
  double('middle', base * 2 ** depth);
  const levels = Array.from({ length: depth }, (_, index) => depth - index);
  for (const level of levels) {
    const input = level === depth ? 'middle.b.relu' : `merge${level + 1}.b.relu`;
    graph.add('transposed-conv', `up${level}`, { input, filters: base * 2 ** (level - 1), kernel: 2, stride: 2 });
  }
  for (const level of levels) {
    graph.add('concat', `merge${level}.concat`, { inputs: [`up${level}`, skips[level - 1]] });
    double(`merge${level}`, base * 2 ** (level - 1));
  }
  graph.add('conv', 'logits', { filters: 'classes', kernel: 1 });
  return { ...rest, task: 'segmentation', layers: graph.layers, output: 'logits' };
}

const networks = {
  densenet: denseNet(),
  efficientnet: efficientNet(),
  unet: uNet(16, 4, {
    name: 'unet',
    description: 'U-Net (arXiv 1505.04597) for grey slices of 128 × 128: the class of each pixel.',
    input: { height: 128, width: 128, channels: 1 },
  }),
  'unet-25d': uNet(16, 3, {
    name: 'unet-25d',
    description:
      'U-Net that sees three neighbouring slices of 64 × 64 and tells the class of each pixel of the middle one.',
    input: { height: 64, width: 64, channels: 3 },
  }),
};
for (const [name, network] of Object.entries(networks)) {
  networkSchema.parse(network);
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(network, null, 2)}\n`);
}
