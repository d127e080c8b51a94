// MedNIST as data sets of hospitals: 400 images of each of six classes at half size, a test set for all, and the rest dealt out to
// sites whose class mix differs by a Dirichlet distribution.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type DatasetHeader, splitCodes } from '../../src/contract/dataset.ts';
import { encodeTensorFile, type Tensor } from '../../src/contract/safetensors.ts';
import { openWasmCodecs } from '../../src/station/library/pixels/wasm-codecs.ts';
import { seededRandom } from '../../src/sync/aggregation/seeded-random.ts';

export const mednistClasses = ['AbdomenCT', 'BreastMRI', 'CXR', 'ChestCT', 'Hand', 'HeadCT'];
export const side = 32;
/** Of each class, for the test set that every model is measured on. */
const testPerClass = 100;
const validationShare = 0.2;
/** A site has at least so many images, whatever the distribution deals. */
const smallestSite = 40;

const shared = process.env['IMAGIQ_SHARED'] ?? path.resolve(import.meta.dirname, '../../../shared');
export const mednistFolder = path.join(shared, 'data', 'mednist-2400');
export const hasMednist = (): boolean => existsSync(mednistFolder);

interface Image {
  readonly pixels: Uint16Array;
  readonly label: number;
}
export interface Mednist {
  readonly test: readonly Image[];
  /** In a random order. */
  readonly rest: readonly Image[];
}

/** @param perClass images of each class, for trying things out with fewer. */
export async function readMednist(perClass: number, seed: number): Promise<Mednist> {
  const codecs = openWasmCodecs();
  const random = seededRandom(seed);
  const test: Image[] = [];
  const rest: Image[] = [];
  for (const [label, name] of mednistClasses.entries()) {
    const files = shuffled(readdirSync(path.join(mednistFolder, name)).sort(), random).slice(0, perClass);
    const tests = Math.round((perClass * testPerClass) / 400);
    for (const [index, file] of files.entries()) {
      const encoded = readFileSync(path.join(mednistFolder, name, file));
      const pixels = await codecs.decode('jpeg', encoded, (decoder, { width, height, componentCount }) =>
        halved(new Uint8Array(decoder.getDecodedBuffer()), width, height, componentCount),
      );
      (index < tests ? test : rest).push({ pixels, label });
    }
  }
  return { test, rest: shuffled(rest, random) };
}

/** Means over blocks, as 16-bit grey of `side` × `side`. */
function halved(bytes: Uint8Array, width: number, height: number, samples: number): Uint16Array {
  const pixels = new Uint16Array(side * side);
  const block = Math.floor(Math.min(width, height) / side);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      let sum = 0;
      for (let y = 0; y < block; y += 1) {
        for (let x = 0; x < block; x += 1) sum += bytes[((row * block + y) * width + column * block + x) * samples]!;
      }
      pixels[row * side + column] = Math.round((sum / (block * block)) * 257);
    }
  }
  return pixels;
}

export interface FederatedDatasets {
  /** One data set file of each site: training and validation. */
  readonly siteFiles: readonly string[];
  readonly siteExamples: readonly number[];
  /** All sites' training and validation images, and the test set. */
  readonly centralFile: string;
}

/** Deals the images out: of each class, site i gets a share that is drawn from a Dirichlet distribution with `alpha`. */
export function dealOut(
  images: Mednist,
  sites: number,
  alpha: number,
  seed: number,
  folder: string,
): FederatedDatasets {
  const random = seededRandom(seed);
  const dealt: Image[][] = Array.from({ length: sites }, () => []);
  for (let attempt = 0; ; attempt += 1) {
    for (const site of dealt) site.length = 0;
    for (let label = 0; label < mednistClasses.length; label += 1) {
      const ofClass = images.rest.filter((image) => image.label === label);
      const shares = dirichlet(sites, alpha, random);
      let from = 0;
      let total = 0;
      shares.forEach((share, site) => {
        total += share;
        const to = site === sites - 1 ? ofClass.length : Math.round(total * ofClass.length);
        dealt[site]!.push(...ofClass.slice(from, to));
        from = to;
      });
    }
    if (dealt.every((site) => site.length >= smallestSite) || attempt > 1_000) break;
  }
  mkdirSync(folder, { recursive: true });
  const split = (site: readonly Image[]): { image: Image; code: number }[] =>
    shuffled(site, random).map((image, index) => ({
      image,
      code: index < validationShare * site.length ? splitCodes.validation : splitCodes.train,
    }));
  const parts = dealt.map(split);
  const siteFiles = parts.map((part, site) => write(path.join(folder, `site-${site}.safetensors`), part));
  const tests = images.test.map((image) => ({ image, code: splitCodes.test as number }));
  return {
    siteFiles,
    siteExamples: parts.map((part) => part.filter(({ code }) => code === splitCodes.train).length),
    centralFile: write(path.join(folder, 'central.safetensors'), [...parts.flat(), ...tests]),
  };
}

function write(file: string, examples: readonly { image: Image; code: number }[]): string {
  const count = examples.length;
  const images = new Uint16Array(count * side * side);
  examples.forEach(({ image }, index) => images.set(image.pixels, index * side * side));
  const tensor = (elementType: Tensor['elementType'], shape: number[], values: ArrayBufferView): Tensor => ({
    elementType,
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
  const header: DatasetHeader = {
    version: 1,
    task: 'classification',
    classes: mednistClasses,
    examples: count,
    height: side,
    width: side,
    channels: 1,
    // The same for all sites: constants of the project, not of their data.
    mean: 0.3,
    standardDeviation: 0.27,
    cohortHash: 'ab'.repeat(32),
  };
  const tensors = new Map([
    ['images', tensor('U16', [count, side, side, 1], images)],
    [
      'labels',
      tensor(
        'I32',
        [count],
        Int32Array.from(examples, ({ image }) => image.label),
      ),
    ],
    [
      'split',
      tensor(
        'U8',
        [count],
        Uint8Array.from(examples, ({ code }) => code),
      ),
    ],
    [
      'patients',
      tensor(
        'I32',
        [count],
        Int32Array.from(examples, (_, index) => index),
      ),
    ],
  ]);
  writeFileSync(file, encodeTensorFile({ tensors, metadata: { imagiq: JSON.stringify(header) } }));
  return file;
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const out = [...values];
  for (let index = out.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [out[index], out[other]] = [out[other]!, out[index]!];
  }
  return out;
}

/** Shares that sum to one: gamma variables (Marsaglia and Tsang 2000), scaled. */
function dirichlet(count: number, alpha: number, random: () => number): number[] {
  const drawn = Array.from({ length: count }, () => gamma(alpha, random));
  const sum = drawn.reduce((total, value) => total + value, 0);
  return drawn.map((value) => value / sum);
}

function gamma(shape: number, random: () => number): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const v = (1 + c * normal) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * normal ** 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
