import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compileProgram } from '../../../../src/trainer/compile/compile-program.ts';
import type { ProcessorKernels } from '../../../../src/trainer/compile/lowering/lowered.ts';
import { openOnnxSession, tensorOf } from '../../../../src/trainer/engines/compiled/onnx-session.ts';
import { processorKernels } from '../../../../src/trainer/engines/compiled/processor-kernels.ts';
import { registerGradients } from '../../../../src/trainer/networks/gradients/register-gradients.ts';
import type { Program } from '../../../../src/trainer/networks/program.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';

function program(shape: number[], run: (x: tf.Tensor) => Record<string, tf.Tensor>): Program {
  return {
    inputs: [{ name: 'x', shape }],
    run: (inputs) => new Map(Object.entries(run(inputs.get('x')!))),
  };
}
const plainKernels: ProcessorKernels = { channelBlock: null };
const compile = (source: Program, processor: ProcessorKernels | null = plainKernels, exactSums = false) =>
  compileProgram(source, { processor, exactSums, layoutOf: () => 'plain' });

async function results(
  source: Program,
  values: number[],
  processor: ProcessorKernels | null = plainKernels,
  exactSums = false,
): Promise<Record<string, number[]>> {
  const compiled = compile(source, processor, exactSums);
  const session = await openOnnxSession(compiled, 'cpu', 1);
  const outputs = Object.fromEntries(
    [...compiled.outputs].map(([name, port]) => [
      `out:${name}`,
      tensorOf(new Float32Array(port.shape.reduce((total, size) => total * size, 1)), port),
    ]),
  );
  await session.run({ 'in:x': tensorOf(Float32Array.from(values), compiled.inputs.get('x')!) }, outputs);
  await session.close();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...(data as Float32Array)]]));
}

describe('compiling a program', () => {
  it('refuses a kernel without a rule, by its name', () => {
    expect(() => compile(program([2], (x) => ({ y: tf.erf(x) })))).toThrow(/Erf/);
  });

  it('leaves the current backend of TensorFlow.js as it was, even when it fails', () => {
    const before = tf.getBackend();
    expect(() =>
      compile(
        program([2], () => {
          throw new Error('no');
        }),
      ),
    ).toThrow('no');
    expect(tf.getBackend()).toBe(before);
    expect(tf.findBackend('trace')).toBeNull();
  });

  it('drops what no output needs', () => {
    const lean = compile(program([4], (x) => ({ y: tf.add(x, 1) })));
    const wasteful = compile(
      program([4], (x) => {
        tf.exp(tf.sqrt(x));
        return { y: tf.add(x, 1) };
      }),
    );
    expect(wasteful.model.length).toBe(lean.model.length);
  });

  it('computes constants while compiling', () => {
    const folded = compile(program([4], (x) => ({ y: tf.mul(x, tf.add(tf.scalar(1), tf.scalar(2))) })));
    const plain = compile(program([4], (x) => ({ y: tf.mul(x, 3) })));
    expect(folded.model.length).toBe(plain.model.length);
  });

  it('hands out one value under two names, and an input as an output', async () => {
    const found = await results(
      program([2], (x) => {
        const y = tf.add(x, 1);
        return { y, z: y, x: tf.clone(x) };
      }),
      [1, 2],
    );
    expect(found).toEqual({ 'out:y': [2, 3], 'out:z': [2, 3], 'out:x': [1, 2] });
  });

  it('takes the step of a negative number as 0', async () => {
    const found = await results(
      program([3], (x) => ({ step: tf.step(x), gate: tf.mul(x, tf.step(x)) })),
      [-2, 0, 3],
    );
    // Either zero is one.
    expect(found['out:gate']!.map((value) => value + 0)).toEqual([0, 0, 3]);
    expect(found['out:step']).toEqual([0, 0, 1]);
  });

  it('finds the gradient of a filter on images so large that each has its own product', async () => {
    registerGradients();
    const [batch, height, width, channels, filters] = [2, 40, 52, 70, 2] as const;
    const [rows, columns] = [3, 5] as const;
    const values = standardNormals(randomStream(3), batch * height * width * channels);
    const slopes = standardNormals(randomStream(4), batch * height * width * filters);
    const source = program([batch, height, width, channels], (x) => ({
      dw: tf.grad((filter: tf.Tensor) => {
        const y = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
        return tf.sum(tf.mul(y, tf.tensor4d(slopes, [batch, height, width, filters])));
      })(tf.zeros([rows, columns, channels, filters])),
    }));
    const found = (await results(source, [...values]))['out:dw']!;
    const at = (image: number, y: number, x: number): number => ((image * height + y) * width + x) * channels;
    for (const [row, column, channel, filter] of [
      [0, 0, 0, 0],
      [1, 2, 69, 1],
      [2, 4, 33, 0],
      [0, 4, 7, 1],
      [2, 0, 50, 1],
    ] as const) {
      let expected = 0;
      for (let place = 0; place < batch * height * width; place += 1) {
        const [image, y, x] = [Math.floor(place / (height * width)), Math.floor(place / width) % height, place % width];
        const [fromY, fromX] = [y + row - 1, x + column - 2];
        if (fromY < 0 || fromY >= height || fromX < 0 || fromX >= width) continue;
        expected += values[at(image, fromY, fromX) + channel]! * slopes[place * filters + filter]!;
      }
      expect(found[((row * columns + column) * channels + channel) * filters + filter]).toBeCloseTo(expected, 3);
    }
  });

  it.each([
    ['of few images', { batch: 3, side: 18, filter: 3, stride: 1, pad: 'same' }],
    ['of a block of images', { batch: 16, side: 16, filter: 3, stride: 1, pad: 'same' }],
    ['whose stride leaves out a border', { batch: 2, side: 20, filter: 3, stride: 2, pad: 'valid' }],
    ['with a stride of the filter’s size', { batch: 2, side: 32, filter: 2, stride: 2, pad: 'valid' }],
    ['of large images, whose sums are products', { batch: 2, side: 64, filter: 3, stride: 1, pad: 'same' }],
    ['of small images', { batch: 2, side: 4, filter: 3, stride: 1, pad: 'same' }],
  ] as const)('gives the numbers of the standard operators for convolutions %s', async (_, asked) => {
    registerGradients();
    const { batch, side, filter, stride, pad } = asked;
    const [channels, filters] = [16, 32];
    const drawn = (seed: number, shape: number[]): tf.Tensor =>
      tf.tensor([...standardNormals(randomStream(seed), tf.util.sizeFromShape(shape))], shape);
    const source = program([batch, side, side, channels], (x) => {
      const w = drawn(3, [filter, filter, channels, filters]);
      const convolved = (image: tf.Tensor, weights: tf.Tensor): tf.Tensor =>
        tf.conv2d(image as tf.Tensor4D, weights as tf.Tensor4D, stride, pad);
      const y = convolved(x, w);
      const [dx, dw] = tf.grads(convolved)([x, w], drawn(4, y.shape));
      return { y, dx: dx!, dw: dw!, dots: tf.sum(tf.mul(y, tf.add(y, 1)), [0, 1, 2]) };
    });
    const values = [...standardNormals(randomStream(2), batch * side * side * channels)];
    const kernels = await processorKernels();
    const isBlocked = kernels.channelBlock !== null;
    expect(Buffer.from(compile(source, kernels).model).includes('com.microsoft.nchwc')).toBe(isBlocked);
    const standard = await results(source, values, null);
    const own = await results(source, values, kernels);
    for (const [name, expected] of Object.entries(standard)) {
      expect(expected.some((value) => value !== 0)).toBe(true);
      const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const error = expected.reduce((most, value, place) => Math.max(most, Math.abs(value - own[name]![place]!)), 0);
      expect(error / size).toBeLessThan(1e-5);
    }
  });

  it('writes convolutions whose sums round no more than their result, where that is asked for', async () => {
    const [side, channels, filters] = [8, 256, 8];
    const draw = (seed: number, count: number) => standardNormals(randomStream(seed), count);
    const values = draw(2, side * side * channels).map((value) => Math.max(0, value));
    const weights = draw(3, 9 * channels * filters);
    const source = program([1, side, side, channels], (x) => ({
      y: tf.conv2d(x as tf.Tensor4D, tf.tensor4d(weights, [3, 3, channels, filters]), 1, 'valid'),
    }));
    const found = (await results(source, [...values], null, true))['out:y']!;
    const places = side - 2;
    let [error, size] = [0, 0];
    for (let place = 0; place < places * places * filters; place += 1) {
      const [y, x, filter] = [
        Math.floor(place / filters / places),
        Math.floor(place / filters) % places,
        place % filters,
      ];
      let expected = 0;
      for (let tap = 0; tap < 9; tap += 1) {
        const pixel = (y + Math.floor(tap / 3)) * side + x + (tap % 3);
        for (let channel = 0; channel < channels; channel += 1)
          expected += values[pixel * channels + channel]! * weights[(tap * channels + channel) * filters + filter]!;
      }
      error += (found[place]! - expected) ** 2;
      size += expected ** 2;
    }
    // Rounding the result alone makes 0.3 × 10⁻⁷, sums in blocks of the CPU's kernels 2.
    expect(Math.sqrt(error / size)).toBeLessThan(0.7e-7);
  });

  it.skipIf(process.arch !== 'x64' || process.platform !== 'linux')(
    'finds the processor’s own layout where there are wide registers',
    async () => {
      const flags = readFileSync('/proc/cpuinfo', 'utf8');
      const expected = flags.includes('avx512f') ? 16 : flags.includes('avx') ? 8 : null;
      expect(await processorKernels()).toEqual({ channelBlock: expected });
    },
  );

  it('uses the processor’s own layout only where it is asked for', async () => {
    const source = program([1, 16, 16, 16], (x) => ({
      y: tf.conv2d(x as tf.Tensor4D, tf.ones([3, 3, 16, 16]), 1, 'same'),
    }));
    const textOf = (processor: ProcessorKernels | null): string =>
      Buffer.from(compile(source, processor).model).toString('latin1');
    expect(textOf({ channelBlock: 16 })).toContain('com.microsoft.nchwc');
    expect(textOf(null)).not.toContain('com.microsoft');
  });

  it('spreads a single number over a last axis of one value', async () => {
    const found = await results(
      program([3, 1], (x) => ({ less: tf.sub(1, x), more: tf.mul(x, tf.scalar(2)) })),
      [1, 2, 3],
    );
    expect(found).toEqual({ 'out:less': [0, -1, -2], 'out:more': [2, 4, 6] });
  });

  it.each([
    ['that overlap', 3, 2, 1, 9],
    ['that overlap in an even image', 3, 2, 1, 8],
    ['that leave something out', 2, 3, 0, 9],
    ['that tile', 2, 2, 0, 8],
  ] as const)('finds the gradient of max pools %s without indices as with them', async (_, size, stride, pad, side) => {
    registerGradients();
    const source = program([2 * side * side * 3], (x) => ({
      dx: tf.grad((values: tf.Tensor) => {
        const pooled = tf.maxPool(tf.reshape(values, [2, side, side, 3]) as tf.Tensor4D, size, stride, pad);
        return tf.sum(tf.mul(pooled, pooled));
      })(x),
    }));
    const drawn = [...standardNormals(randomStream(2), 2 * side * side * 3)];
    // As in an image: whole numbers, of which many windows have their largest more than once.
    for (const values of [drawn, drawn.map((value) => Math.round(value))]) {
      const [with_, without] = [await results(source, values), await results(source, values, null)];
      expect(with_['out:dx']!.filter((value) => value !== 0).length).toBeGreaterThan(10);
      for (const [index, value] of without['out:dx']!.entries()) expect(value).toBeCloseTo(with_['out:dx']![index]!, 5);
    }
  });

  it('sums and slices images along every axis as their logical shape says', async () => {
    const image = (x: tf.Tensor) => tf.reshape(x, [1, 2, 2, 3]) as tf.Tensor4D;
    const pooled = (x: tf.Tensor) => tf.maxPool(image(x), 1, 1, 'valid');
    const values = Array.from({ length: 12 }, (_, index) => index);
    const found = await results(
      program([12], (x) => ({
        height: tf.sum(pooled(x), 1),
        channels: tf.sum(pooled(x), [0, 1, 2]),
        last: tf.slice(pooled(x), [0, 0, 1, 2], [1, 2, 1, 1]),
      })),
      values,
    );
    expect(found).toEqual({ 'out:height': [6, 8, 10, 12, 14, 16], 'out:channels': [18, 22, 26], 'out:last': [5, 11] });
  });
});
