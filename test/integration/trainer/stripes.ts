// A data set that a small network learns in seconds: noisy stripes, class by direction. Mirroring does not change it.
import { writeFileSync } from 'node:fs';
import { type DatasetHeader, splitCodes } from '../../../src/contract/dataset.ts';
import { type Network, networkSchema } from '../../../src/contract/network.ts';
import { encodeTensorFile, type Tensor } from '../../../src/contract/safetensors.ts';
import { hyperParametersSchema, type TrainJob, trainJobSchema } from '../../../src/contract/training.ts';
import { randomStream } from '../../../src/trainer/run/random.ts';

const side = 16;

/** Convolution, batch norm and dropout: everything that has state beyond its filters. */
export const stripesNetwork: Network = networkSchema.parse({
  name: 'stripes',
  description: 'Two convolutions for tests.',
  input: { height: side, width: side, channels: 1 },
  layers: [
    { op: 'conv', id: 'first', input: 'input', filters: 8, kernel: 3, bias: false },
    { op: 'batch-norm', id: 'norm', input: 'first' },
    { op: 'relu', id: 'first-relu', input: 'norm' },
    { op: 'max-pool', id: 'pool', input: 'first-relu', size: 2, stride: 2 },
    { op: 'conv', id: 'second', input: 'pool', filters: 8, kernel: 3 },
    { op: 'relu', id: 'second-relu', input: 'second' },
    { op: 'global-average-pool', id: 'average', input: 'second-relu' },
    { op: 'dropout', id: 'drop', input: 'average', rate: 0.1 },
    { op: 'dense', id: 'logits', input: 'drop', units: 'classes' },
  ],
  output: 'logits',
});

/** Tensors and header of the data set; tests spoil them before writing. */
export function stripes({ examples = 240, seed = 1 }: { examples?: number; seed?: number } = {}): {
  header: DatasetHeader;
  tensors: Map<string, Tensor>;
} {
  const random = randomStream(seed, 0x737472);
  const images = new Uint16Array(examples * side * side);
  const labels = Int32Array.from({ length: examples }, (_, example) => example % 2);
  // Two neighbours are one patient, who has one image of each class and one split.
  const patients = Int32Array.from({ length: examples }, (_, example) => Math.floor(example / 2));
  const split = Uint8Array.from(patients, splitOf);
  for (let example = 0; example < examples; example += 1) {
    const phase = random.below(4);
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const along = labels[example] === 0 ? row : column;
        const stripe = (along + phase) % 4 < 2 ? 40_000 : 20_000;
        images[(example * side + row) * side + column] = stripe + random.below(16_000) - 8_000;
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
      task: 'classification',
      classes: ['horizontal', 'vertical'],
      examples,
      height: side,
      width: side,
      channels: 1,
      mean: 0.46,
      standardDeviation: 0.17,
      cohortHash: 'ab'.repeat(32),
    },
    tensors: new Map([
      ['images', tensor('U16', [examples, side, side, 1], images)],
      ['labels', tensor('I32', [examples], labels)],
      ['split', tensor('U8', [examples], split)],
      ['patients', tensor('I32', [examples], patients)],
    ]),
  };
}

function splitOf(patient: number): number {
  if (patient % 6 < 4) return splitCodes.train;
  return patient % 6 === 4 ? splitCodes.validation : splitCodes.test;
}

export function writeDataset(file: string, { header, tensors }: ReturnType<typeof stripes>): void {
  writeFileSync(file, encodeTensorFile({ tensors, metadata: { imagiq: JSON.stringify(header) } }));
}

/** A training job on the CPU with one thread, as repeatable as it gets. */
export function stripesJob(
  { runFolder, datasetFile }: Pick<TrainJob, 'runFolder' | 'datasetFile'>,
  { hyperParameters, ...rest }: Partial<Omit<TrainJob, 'hyperParameters'>> & { hyperParameters?: object } = {},
): TrainJob {
  return trainJobSchema.parse({
    job: 'train',
    runFolder,
    datasetFile,
    network: stripesNetwork,
    hyperParameters: hyperParametersSchema.parse({
      epochs: 6,
      batchSize: 16,
      learningRate: 0.01,
      ...hyperParameters,
    }),
    seed: 7,
    provider: 'cpu',
    threads: 1,
    ...rest,
  });
}
