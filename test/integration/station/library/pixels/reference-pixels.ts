// The reference decoder (pydicom with GDCM, Debian packages) and the real files that it is asked about.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export const dataFolder = fileURLToPath(new URL('../../../../../../shared/data/dicom', import.meta.url));
const script = fileURLToPath(new URL('reference-pixels.py', import.meta.url));

const referenceSchema = z.union([
  z.object({ path: z.string(), none: z.literal(true) }),
  z.object({ path: z.string(), error: z.string() }),
  z.object({
    path: z.string(),
    frames: z.array(z.number()),
    shape: z.tuple([z.number(), z.number(), z.number()]),
    type: z.string(),
    photometric: z.string(),
    syntax: z.string(),
  }),
]);

export interface ReferenceFrame {
  readonly frame: number;
  readonly values: ArrayLike<number>;
}

export interface ReferenceFile {
  /** Below the data folder. */
  readonly name: string;
  readonly path: string;
  /** Empty where the reference has no pixels for it, with why. */
  readonly frames: readonly ReferenceFrame[];
  readonly error: string | null;
  readonly photometric: string;
  readonly syntax: string;
}

/** Why the comparison cannot be made here, null where it can. */
export function referenceAbsence(): string | null {
  if (!existsSync(dataFolder)) return 'no DICOM files in ../shared/data/dicom';
  return python() === null ? 'no python3 with pydicom and gdcm' : null;
}

/** A Python that has pydicom, GDCM and numpy. */
export function python(): string | null {
  for (const command of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(command, ['-c', 'import pydicom, gdcm, numpy'], { stdio: 'ignore', timeout: 20_000 });
      return command;
    } catch {
      // The next one may have them.
    }
  }
  return null;
}

/** Every file of the data folder, decoded by the reference where it has pixels. */
export async function referenceFiles(): Promise<ReferenceFile[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-reference-pixels-'));
  try {
    const paths = dataPaths();
    const lines = (await output(python()!, [script, folder], paths.join('\n'))).trim().split('\n');
    return lines.map((line, index): ReferenceFile => {
      const reference = referenceSchema.parse(JSON.parse(line));
      const file = { name: path.relative(dataFolder, reference.path), path: reference.path };
      if ('none' in reference) return { ...file, frames: [], error: 'no pixel data', photometric: '', syntax: '' };
      if ('error' in reference) return { ...file, frames: [], error: reference.error, photometric: '', syntax: '' };
      const values = valuesOf(readFileSync(path.join(folder, `${index}.raw`)), reference.type);
      const [rows, columns, samples] = reference.shape;
      const size = rows * columns * samples;
      const frames = reference.frames.map((frame, place) => ({
        frame,
        values: values.subarray(place * size, (place + 1) * size),
      }));
      return { ...file, frames, error: null, photometric: reference.photometric, syntax: reference.syntax };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every file of the data folder. */
export function dataPaths(): string[] {
  return readdirSync(dataFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

/** What a program says on stdout when it is given `input`. */
export function output(command: string, parameters: string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, parameters, { maxBuffer: 64 * 1024 * 1024, timeout: 120_000 }, (error, text) =>
      error === null ? resolve(text) : reject(error),
    );
    child.stdin?.end(input);
  });
}

/** @param type numpy's, such as `<i2` or `|u1`. */
function valuesOf(
  raw: Uint8Array,
  type: string,
): Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array {
  const { buffer } = new Uint8Array(raw);
  switch (type.slice(1)) {
    case 'i1':
      return new Int8Array(buffer);
    case 'u2':
      return new Uint16Array(buffer);
    case 'i2':
      return new Int16Array(buffer);
    case 'u4':
      return new Uint32Array(buffer);
    case 'i4':
      return new Int32Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}
