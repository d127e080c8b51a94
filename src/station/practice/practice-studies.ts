// Writes the studies of a practice hospital: generated chest CTs with a finding to learn, for a federation to try out.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDiskFull, stationFault } from '../faults.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import { acquire } from './acquisition.ts';
import { anatomyOf, practiceClasses, type PracticeClass } from './anatomy.ts';
import { Canvas } from './canvas.ts';
import { encodePart10 } from '../library/encode-part10.ts';
import { openRandom, type Random } from './random.ts';
import { practiceSites, type PracticeSite } from './scanners.ts';
import { ctImageStorage, practiceElements, practiceInstanceUid } from './study-header.ts';
import { paintThorax } from './thorax.ts';

export { practiceClasses } from './anatomy.ts';
export { practiceSites } from './scanners.ts';

/** Rows and columns of a practice image. */
const imageSide = 128;

export interface PracticeStudies {
  readonly folder: string;
  /** Instances written. */
  readonly files: number;
  readonly patients: number;
  /** CSV with the columns sopInstanceUID and label. */
  readonly labelsFile: string;
}

/**
 * Writes the studies of practice hospital `site` (0…3) into `folder`, one folder for each patient, and their
 * labels beside it: a labels file in the folder would be refused by an import of the folder.
 * The same arguments write the same bytes; another `seed` makes other patients.
 * @throws Fault 603 when the disk is full
 * @param options.patients about how many patients, keeping the hospital's mix; its own number where absent
 */
export async function writePracticeStudies(options: {
  site: number;
  folder: string;
  patients?: number;
  seed?: number;
  signal?: AbortSignal;
}): Promise<PracticeStudies> {
  const site = practiceSites[options.site];
  if (site === undefined) throw new RangeError(`there is no practice site ${options.site}`);
  try {
    return await write(site, options);
  } catch (error) {
    throw isDiskFull(error) ? stationFault.diskFull() : error;
  }
}

async function write(
  site: PracticeSite,
  options: Parameters<typeof writePracticeStudies>[0],
): Promise<PracticeStudies> {
  const seed = `${site.name}/${options.seed ?? 1}`;
  const findings = findingsOf(site, options.patients, openRandom(`${seed}/order`));
  const labels: string[] = ['sopInstanceUID,label'];
  for (const [index, finding] of findings.entries()) {
    options.signal?.throwIfAborted();
    const number = index + 1;
    const patientFolder = path.join(options.folder, `P${String(number).padStart(4, '0')}`);
    await mkdir(patientFolder, { recursive: true });
    for (const instance of instancesOf(site, `${seed}/${number}`, number, finding)) {
      await writeFile(path.join(patientFolder, instance.name), instance.bytes);
      labels.push(`${instance.sopInstanceUID},${finding}`);
    }
  }
  const labelsFile = `${path.resolve(options.folder)}-labels.csv`;
  writeFileDurably(labelsFile, `${labels.join('\n')}\n`, 0o644);
  return { folder: options.folder, files: labels.length - 1, patients: findings.length, labelsFile };
}

/** The finding of each patient, in a shuffled order. */
function findingsOf(site: PracticeSite, patients: number | undefined, random: Random): PracticeClass[] {
  const usual = practiceClasses.reduce((sum, name) => sum + site.patients[name], 0);
  const share = (patients ?? usual) / usual;
  const all = practiceClasses.flatMap((name) =>
    Array.from({ length: Math.max(1, Math.round(site.patients[name] * share)) }, () => name),
  );
  return all
    .map((finding) => ({ finding, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ finding }) => finding);
}

function* instancesOf(
  site: PracticeSite,
  key: string,
  number: number,
  finding: PracticeClass,
): Generator<{ name: string; sopInstanceUID: string; bytes: Uint8Array }> {
  const anatomy = anatomyOf(key, finding);
  const random = openRandom(`${key}/acquisition`);
  const breath = random.between(-1, 1);
  for (let slice = 0; slice < site.slices; slice += 1) {
    const level = Math.min(1, Math.max(0, (slice + random.between(0.2, 0.8)) / site.slices));
    const canvas = new Canvas(imageSide, site.scanner.fieldMm / imageSide, -1000);
    paintThorax(canvas, anatomy, level, breath);
    const pixels = acquire(canvas, site.scanner, random);
    const sopInstanceUID = practiceInstanceUid({ key, slice });
    const elements = practiceElements({
      site,
      key,
      number,
      slice,
      positionMm: -level * 200,
      side: imageSide,
      pixels,
    });
    yield {
      name: `CT${String(slice + 1).padStart(4, '0')}.dcm`,
      sopInstanceUID,
      bytes: encodePart10(elements, ctImageStorage, sopInstanceUID),
    };
  }
}
