// A segmentation that a small network learns in seconds: bright disks on noise, two to a patient.
import { type DatasetHeader, notLabelled, splitCodes } from '../../../src/contract/dataset.ts';
import { type Network, networkSchema } from '../../../src/contract/network.ts';
import type { Tensor } from '../../../src/contract/safetensors.ts';
import { randomStream } from '../../../src/trainer/run/random.ts';

const side = 24;

/** Two levels of a U-Net: pools, enlargement by transposed convolutions, and a skip. */
export const disksNetwork: Network = networkSchema.parse({
  name: 'disks',
  description: 'A tiny U-Net for tests.',
  task: 'segmentation',
  input: { height: side, width: side, channels: 1 },
  layers: [
    { op: 'conv', id: 'down.conv', input: 'input', filters: 8, kernel: 3, bias: false },
    { op: 'batch-norm', id: 'down.norm', input: 'down.conv' },
    { op: 'relu', id: 'down.relu', input: 'down.norm' },
    { op: 'max-pool', id: 'down.pool', input: 'down.relu', size: 2, stride: 2 },
    { op: 'conv', id: 'middle.conv', input: 'down.pool', filters: 16, kernel: 3, bias: false },
    { op: 'batch-norm', id: 'middle.norm', input: 'middle.conv' },
    { op: 'relu', id: 'middle.relu', input: 'middle.norm' },
    { op: 'transposed-conv', id: 'up', input: 'middle.relu', filters: 8, kernel: 2 },
    { op: 'concat', id: 'merge.concat', inputs: ['up', 'down.relu'] },
    { op: 'conv', id: 'merge.conv', input: 'merge.concat', filters: 8, kernel: 3, bias: false },
    { op: 'batch-norm', id: 'merge.norm', input: 'merge.conv' },
    { op: 'relu', id: 'merge.relu', input: 'merge.norm' },
    { op: 'conv', id: 'logits', input: 'merge.relu', filters: 'classes', kernel: 1 },
  ],
  output: 'logits',
});

/** Header and tensors of the data set; the rim of each mask is not labelled. */
export function disks(examples = 120): { header: DatasetHeader; tensors: Map<string, Tensor> } {
  const random = randomStream(5, 0x6469736b);
  const images = new Uint16Array(examples * side * side);
  const masks = new Uint8Array(examples * side * side);
  const patients = Int32Array.from({ length: examples }, (_, example) => Math.floor(example / 2));
  const split = Uint8Array.from(patients, (patient) =>
    patient % 6 < 4 ? splitCodes.train : patient % 6 === 4 ? splitCodes.validation : splitCodes.test,
  );
  for (let example = 0; example < examples; example += 1) {
    const radius = 4 + random.below(4);
    const [row, column] = [6 + random.below(12), 6 + random.below(12)];
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const place = (example * side + y) * side + x;
        const isInside = (y - row) ** 2 + (x - column) ** 2 <= radius ** 2;
        const isRim = y === 0 || x === 0 || y === side - 1 || x === side - 1;
        images[place] = (isInside ? 36_000 : 24_000) + random.below(16_000) - 8_000;
        masks[place] = isRim ? notLabelled : Number(isInside);
      }
    }
  }
  const tensor = (elementType: Tensor['elementType'], shape: number[], values: ArrayBufferView): Tensor => ({
    elementType,
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
  return {
    header: {
      version: 1,
      task: 'segmentation',
      classes: ['background', 'disk'],
      examples,
      height: side,
      width: side,
      channels: 1,
      mean: 0.4,
      standardDeviation: 0.1,
      cohortHash: 'cd'.repeat(32),
    },
    tensors: new Map([
      ['images', tensor('U16', [examples, side, side, 1], images)],
      ['masks', tensor('U8', [examples, side, side], masks)],
      ['split', tensor('U8', [examples], split)],
      ['patients', tensor('I32', [examples], patients)],
    ]),
  };
}
