// Research sets keep volumes and their masks in sibling folders under one name: imagesTr/NAME.nii.gz and labelsTr/NAME.nii.gz
// (Medical Segmentation Decathlon, nnU-Net), images/ and labels/ or masks/. Which volume a file there is the mask of is told by
// the names alone; whether it fits is seen when both are read.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { ZipMember } from './zip-members.ts';

/** A file, or a member of an archive. */
export interface MemberPlace {
  readonly file: string;
  readonly member: ZipMember | null;
}

/** What a candidate is the mask of. */
export interface MaskOf {
  readonly image: MemberPlace;
  /** The image as told to people: its name is what its series is called. */
  readonly imageSource: string;
  /** The set's dataset.json, which names the classes; null where there is none. */
  readonly dataset: MemberPlace | null;
}

const maskFolder = /^(?:label|mask|seg|segmentation)s?(tr|ts|tst|val|_?train|_?test)?$/i;
const imageFolder = /^(?:image|img|volume)s?(tr|ts|tst|val|_?train|_?test)?$/i;
const niftiEnding = /\.nii(?:\.gz)?$/i;
const datasetName = 'dataset.json';

/** Whether the file's place says that it is a mask, if its image is found. */
export function isMaskPlace(file: string): boolean {
  const parts = file.split(/[/\\]/);
  return niftiEnding.test(file) && maskFolder.test(parts.at(-2) ?? '');
}

/** Names that the image of a mask may have; with channels in files of their own (nnU-Net), the first one's. */
function imageNames(mask: string): string[] {
  const stem = mask.replace(niftiEnding, '');
  return [stem, `${stem}_0000`].flatMap((name) => [`${name}.nii.gz`, `${name}.nii`]);
}

const suffixOf = (name: string, pattern: RegExp): string | null => {
  const match = pattern.exec(name);
  return match === null ? null : (match[1] ?? '').toLowerCase();
};

/** Finds the images of masks that lie open; folders are listed once. */
export function openMaskPairs(): (file: string) => MaskOf | null {
  const listed = new Map<string, ReadonlySet<string>>();
  const namesIn = (folder: string): ReadonlySet<string> => {
    const known = listed.get(folder);
    if (known !== undefined) return known;
    let names: ReadonlySet<string>;
    try {
      names = new Set(readdirSync(folder));
    } catch {
      names = new Set();
    }
    listed.set(folder, names);
    return names;
  };
  return (file) => {
    if (!isMaskPlace(file)) return null;
    const folder = path.dirname(file);
    const set = path.dirname(folder);
    const suffix = suffixOf(path.basename(folder), maskFolder);
    for (const sibling of namesIn(set)) {
      if (suffixOf(sibling, imageFolder) !== suffix) continue;
      const images = namesIn(path.join(set, sibling));
      const name = imageNames(path.basename(file)).find((one) => images.has(one));
      if (name === undefined) continue;
      const image = path.join(set, sibling, name);
      const dataset = namesIn(set).has(datasetName) ? { file: path.join(set, datasetName), member: null } : null;
      return { image: { file: image, member: null }, imageSource: image, dataset };
    }
    return null;
  };
}

/** What of an archive may be the image of a mask, or name its classes. */
export const isPairPart = (name: string): boolean =>
  niftiEnding.test(name) || path.posix.basename(name) === datasetName;

/**
 * As `openMaskPairs`, of members of one archive.
 * @param source of the archive, as told to people
 * @param parts by name, those for which `isPairPart`
 */
export function packedMaskPairs(
  { file, source }: { readonly file: string; readonly source: string },
  parts: ReadonlyMap<string, ZipMember>,
): (mask: string) => MaskOf | null {
  const { dirname, basename, join } = path.posix;
  const folders = [...new Set([...parts.keys()].map((name) => dirname(name)))];
  const imageFolders = folders.filter((folder) => imageFolder.test(basename(folder)));
  return (mask) => {
    const folder = dirname(mask);
    const set = dirname(folder);
    const suffix = suffixOf(basename(folder), maskFolder);
    const names = imageNames(basename(mask));
    for (const sibling of imageFolders) {
      if (dirname(sibling) !== set || suffixOf(basename(sibling), imageFolder) !== suffix) continue;
      const member = names.map((name) => parts.get(join(sibling, name))).find((part) => part !== undefined);
      if (member === undefined) continue;
      const dataset = parts.get(join(set, datasetName));
      return {
        image: { file, member },
        imageSource: `${source}/${member.name}`,
        dataset: dataset === undefined ? null : { file, member: dataset },
      };
    }
    return null;
  };
}
