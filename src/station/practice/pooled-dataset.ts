// The data sets of several practice hospitals as one, as if they had been allowed to share: what central training sees.
// Only for generated studies: real data sets never meet on one machine.
import { readFileSync } from 'node:fs';
import { type DatasetHeader, datasetHeaderSchema, splitCodes } from '../../contract/dataset.ts';
import { decodeTensorFile, encodeTensorFile, type Tensor } from '../../contract/safetensors.ts';
import { writeFileDurably } from '../home/durable-file.ts';

const pixelScale = 65_535;

/** Writes the concatenation of data set files of one shape and class list; patients stay distinct between hospitals. */
export function writePooledDataset(files: readonly string[], file: string): DatasetHeader {
  const parts = files.map((name) => {
    const { tensors, metadata } = decodeTensorFile(readFileSync(name));
    const tensor = (key: string): Tensor => tensors.get(key) as Tensor;
    return { header: datasetHeaderSchema.parse(JSON.parse(metadata['imagiq'] ?? '{}')), tensor };
  });
  const [first] = parts;
  if (!first) throw new Error('no data sets to pool');
  const join = (key: string): Tensor => {
    const tensors = parts.map(({ tensor }) => tensor(key));
    const { elementType, shape } = tensors[0] as Tensor;
    const count = tensors.reduce((total, tensor) => total + (tensor.shape[0] ?? 0), 0);
    return { elementType, shape: [count, ...shape.slice(1)], bytes: Buffer.concat(tensors.map(({ bytes }) => bytes)) };
  };
  const images = join('images');
  const split = join('split');
  const header: DatasetHeader = {
    ...first.header,
    examples: images.shape[0] ?? 0,
    ...meanAndStandardDeviation(images, split),
    cohortHash: '0'.repeat(64),
  };
  const tensors = new Map([
    ['images', images],
    ['labels', join('labels')],
    ['split', split],
    ['patients', distinctPatients(parts.map(({ tensor }) => tensor('patients')))],
  ]);
  writeFileDurably(file, encodeTensorFile({ tensors, metadata: { imagiq: JSON.stringify(header) } }));
  return header;
}

function meanAndStandardDeviation(images: Tensor, split: Tensor): { mean: number; standardDeviation: number } {
  const pixels = new Uint16Array(images.bytes.buffer, images.bytes.byteOffset, images.bytes.byteLength / 2);
  const perImage = pixels.length / (images.shape[0] ?? 1);
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let image = 0; image < (images.shape[0] ?? 0); image += 1) {
    if (split.bytes[image] !== splitCodes.train) continue;
    for (let index = image * perImage; index < (image + 1) * perImage; index += 1) {
      const value = (pixels[index] as number) / pixelScale;
      sum += value;
      squares += value * value;
    }
    count += perImage;
  }
  const mean = sum / count;
  return { mean, standardDeviation: Math.sqrt(Math.max(squares / count - mean * mean, 1e-12)) };
}

function distinctPatients(tensors: readonly Tensor[]): Tensor {
  const values: number[] = [];
  let offset = 0;
  for (const { bytes } of tensors) {
    const own = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    for (const patient of own) values.push(offset + patient);
    offset += own.reduce((most, patient) => Math.max(most, patient), -1) + 1;
  }
  return { elementType: 'I32', shape: [values.length], bytes: new Uint8Array(Int32Array.from(values).buffer) };
}
