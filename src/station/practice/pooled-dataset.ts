// The data sets of several practice hospitals as one, as if they had been allowed to share: what central training sees.
// Only for generated studies: real data sets never meet on one machine.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type DatasetHeader, datasetHeaderSchema, shardFolder, splitCodes } from '../../contract/dataset.ts';
import { decodeTensorFile, encodeTensorFile, type Tensor } from '../../contract/safetensors.ts';
import { writeFileDurably } from '../home/durable-file.ts';

/** Writes the concatenation of data sets of one shape and class list; patients stay distinct between hospitals. */
export function writePooledDataset(files: readonly string[], file: string): DatasetHeader {
  const parts = files.map((name) => {
    const { tensors, metadata } = decodeTensorFile(readFileSync(name));
    const tensor = (key: string): Tensor => tensors.get(key) as Tensor;
    return {
      folder: path.dirname(name),
      header: datasetHeaderSchema.parse(JSON.parse(metadata['imagiq'] ?? '{}')),
      tensor,
    };
  });
  const [first] = parts;
  if (!first) throw new Error('no data sets to pool');
  const join = (key: string): Tensor => {
    const tensors = parts.map(({ tensor }) => tensor(key));
    const { elementType, shape } = tensors[0] as Tensor;
    const count = tensors.reduce((total, tensor) => total + (tensor.shape[0] ?? 0), 0);
    return { elementType, shape: [count, ...shape.slice(1)], bytes: Buffer.concat(tensors.map(({ bytes }) => bytes)) };
  };
  const folder = path.join(path.dirname(file), shardFolder);
  mkdirSync(folder, { recursive: true });
  for (const { folder: from, header } of parts)
    for (const shard of header.shards ?? [])
      copyFileSync(path.join(from, shardFolder, shard.file), path.join(folder, shard.file));
  const split = join('split');
  const header: DatasetHeader = {
    ...first.header,
    examples: split.shape[0] ?? 0,
    ...pooledMoments(parts.map((part) => ({ ...part.header, trained: trainedIn(part.tensor('split')) }))),
    cohortHash: '0'.repeat(64),
    shards: parts.flatMap((part) => part.header.shards ?? []),
  };
  const tensors = new Map([
    ['labels', join('labels')],
    ['split', split],
    [
      'patients',
      shifted(
        parts.map(({ tensor }) => tensor('patients')),
        1,
        (values) => 1 + Math.max(-1, ...values),
      ),
    ],
    [
      'place',
      shifted(
        parts.map(({ tensor }) => tensor('place')),
        2,
        (_, part) => parts[part]?.header.shards?.length ?? 0,
      ),
    ],
  ]);
  writeFileDurably(file, encodeTensorFile({ tensors, metadata: { imagiq: JSON.stringify(header) } }));
  return header;
}

const trainedIn = ({ bytes }: Tensor): number => bytes.filter((code) => code === splitCodes.train).length;

function pooledMoments(parts: readonly { mean: number; standardDeviation: number; trained: number }[]): {
  mean: number;
  standardDeviation: number;
} {
  const count = parts.reduce((total, { trained }) => total + trained, 0);
  const over = (valueOf: (part: (typeof parts)[number]) => number): number =>
    parts.reduce((sum, part) => sum + part.trained * valueOf(part), 0) / count;
  const mean = over((part) => part.mean);
  const squares = over((part) => part.standardDeviation ** 2 + part.mean ** 2);
  return { mean, standardDeviation: Math.sqrt(Math.max(squares - mean * mean, 1e-12)) };
}

/** Joins numbers that count from 0 in each part; of `width` columns the first is shifted by what `sizeOf` tells of the parts before. */
function shifted(
  tensors: readonly Tensor[],
  width: number,
  sizeOf: (values: Int32Array, part: number) => number,
): Tensor {
  const joined: number[] = [];
  let offset = 0;
  tensors.forEach(({ bytes }, part) => {
    const own = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    own.forEach((value, index) => joined.push(index % width === 0 ? value + offset : value));
    offset += sizeOf(own, part);
  });
  const shape = width === 1 ? [joined.length] : [joined.length / width, width];
  return { elementType: 'I32', shape, bytes: new Uint8Array(Int32Array.from(joined).buffer) };
}
