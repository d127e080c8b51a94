// Writes what a batch of an import brought into the index, and settles what the index holds already.
import { existsSync, rmSync } from 'node:fs';
import { damageMended, isSameSeries, replacedDamaged } from '../file-damage.ts';
import type { ImportTally } from '../import-tally.ts';
import type { HeldInstance, IndexWriter, ReadInstance } from '../index-writer.ts';
import { absolutePath, foundAt } from '../instance-path.ts';
import { sameContent } from '../same-content.ts';
import { isSameInstance } from '../same-instance.ts';
import { ownPatientPrefix } from './wrapped-object.ts';

/** Most that two files may take together to be compared in memory, element by element: the station answers nobody meanwhile, for 0.1 s at most. */
const comparedBytes = 2 ** 26;

export interface Settling {
  /** The library's folder. */
  readonly folder: string;
  readonly writer: IndexWriter;
  readonly tally: ImportTally;
  /** The newest instance of before this import, as `IndexWriter.newest` tells. */
  readonly newestBefore: number;
  /** SOP Instance UIDs whose lost copies came back in this import. */
  readonly regained: Set<string>;
  /** Whether the import has a labels file that names patients. */
  readonly tellsPatients: boolean;
  /** True where the import copies files: a copy takes the place of a file indexed where it lay. */
  readonly copiesAll: boolean;
}

/** Instances that are now in the index, new or held before, are counted and told to `onPlaced`. */
export async function settleBatch(
  settling: Settling,
  found: readonly ReadInstance[],
  onPlaced: (instance: ReadInstance) => void,
): Promise<void> {
  const { writer, tally } = settling;
  const fresh = new Map<string, ReadInstance>();
  const known: ReadInstance[] = [];
  const held = writer.heldAmong(found.map(({ record }) => record.sopInstanceUID));
  for (const instance of found) {
    const uid = instance.record.sopInstanceUID;
    if (fresh.has(uid) || held.has(uid)) known.push(instance);
    else fresh.set(uid, instance);
  }
  const batch = [...fresh.values()];
  writer.insert(batch);
  tally.imported += batch.length;
  const place = (instance: ReadInstance): void => {
    tally.place(instance.record.studyInstanceUID, instance.record.seriesInstanceUID);
    onPlaced(instance);
  };
  for (const instance of batch) place(instance);
  for (const instance of known) if (await settleKnown(settling, instance)) place(instance);
}

/**
 * A file whose SOP Instance UID the index already holds: the same again, moved, changed in place, or another. False
 * where it was refused.
 */
async function settleKnown(settling: Settling, found: ReadInstance): Promise<boolean> {
  const { writer, tally, folder } = settling;
  const held = writer.held(found.record.sopInstanceUID);
  if (held === null) throw new Error('an instance of this batch is not in the index');
  if (found.isWrapped === true && hasNewPatient(settling, held, found)) {
    replace(settling, held, found);
    return true;
  }
  if (keepsPatient(settling, held, found)) tally.keptPatients += 1;
  const heldPath = absolutePath(folder, held);
  if (found.isWrapped === true || (await isSame(folder, held, found))) {
    if (wasLost(settling, found, held)) {
      settling.regained.add(found.record.sopInstanceUID);
      mend(settling, held, found, 'it was cut short or gone');
      return true;
    }
    tally.duplicates += 1;
    const isGone = !existsSync(heldPath);
    if (!isGone) tellTwin(settling, held, found);
    if (isGone && held.isCopy === 1) tally.remark(found, 'replaced', replacedDamaged('it is gone'));
    else if (isGone) tally.remark(found, 'found-again', `It lay at ${heldPath}, where nothing is any more.`);
    // The indexed file is gone or is not ours, and this one is at hand.
    if (isGone || (found.isCopy && held.isCopy === 0 && settling.copiesAll)) {
      writer.relocate(held, found);
      // Its copy is this import's own: a second file of it has found nothing lost.
      settling.regained.add(found.record.sopInstanceUID);
    } else dropCopy(folder, held, found);
    return true;
  }
  if (held.isCopy === 0 && !found.isCopy && held.path === found.stored) {
    replace(settling, held, found);
    return true;
  }
  const damage = mendedDamage(settling, held, found);
  if (damage !== null) {
    mend(settling, held, found, damage);
    return true;
  }
  const isOtherwiseWritten = isSameOtherwiseWritten(folder, held, found);
  dropCopy(folder, held, found);
  if (isOtherwiseWritten) {
    tally.duplicates += 1;
    tally.remark(
      found,
      'duplicate-files',
      `The same instance as ${foundAt(held) ?? heldPath}, written in another way.`,
    );
    return true;
  }
  tally.refuse(
    found.source,
    `Same SOP Instance UID with different content: ${foundAt(held) ?? heldPath} is already here and stays.`,
    'different-content',
  );
  return false;
}

/** The same file met again, or one that came over the network, is no second file. */
function tellTwin({ tally }: Settling, held: HeldInstance, found: ReadInstance): void {
  const first = foundAt(held);
  if (first !== null && first !== found.source)
    tally.remark(found, 'duplicate-files', `Byte for byte the same as ${first}.`);
}

/** Both or neither: what is killed between would have lost the instance. */
function replace({ writer, tally }: Settling, held: HeldInstance, found: ReadInstance): void {
  writer.insert([found], [held]);
  tally.imported += 1;
}

function mend(settling: Settling, held: HeldInstance, found: ReadInstance, damage: string): void {
  replace(settling, held, found);
  settling.tally.remark(found, 'replaced', replacedDamaged(damage));
}

/** The store had not all of its copy any more and took it anew. What another file of this import brought is as new and was not lost. */
const wasLost = ({ newestBefore, regained }: Settling, found: ReadInstance, held: HeldInstance): boolean =>
  found.isNewCopy === true &&
  held.isCopy === 1 &&
  held.path === found.stored &&
  held.id <= newestBefore &&
  !regained.has(found.record.sopInstanceUID);

/** What is amiss with the held file where the found one is to take its place: of the same series, or the only one that is there. */
function mendedDamage({ writer, folder }: Settling, held: HeldInstance, found: ReadInstance): string | null {
  const heldPath = absolutePath(folder, held);
  const isComparable = isSameSeries(writer.seriesOf(held), found.record) || !existsSync(heldPath);
  return isComparable ? damageMended(heldPath, foundPath(folder, found)) : null;
}

/** The same picture was imported without a patient before, or with another: what is said now counts. */
function hasNewPatient({ writer }: Settling, held: HeldInstance, found: ReadInstance): boolean {
  const { patientID } = found.record;
  return !patientID.startsWith(ownPatientPrefix) && writer.patientOf(held) !== patientID;
}

/**
 * Whether it was given a patient before and the labels file of this import names none for it. It stays: an import of a part, with another
 * file, must not part the images of one patient.
 */
function keepsPatient(
  { writer, tellsPatients, newestBefore }: Settling,
  held: HeldInstance,
  found: ReadInstance,
): boolean {
  if (!tellsPatients || found.isWrapped !== true || held.id > newestBefore) return false;
  return found.record.patientID.startsWith(ownPatientPrefix) && !writer.patientOf(held).startsWith(ownPatientPrefix);
}

/** The index does not know the copy that the worker made, so nothing else uses it. */
function dropCopy(folder: string, held: HeldInstance, found: ReadInstance): void {
  if (!found.isCopy || (held.isCopy === 1 && held.path === found.stored)) return;
  rmSync(absolutePath(folder, { path: found.stored, isCopy: 1 }), { force: true });
}

async function isSame(folder: string, held: HeldInstance, found: ReadInstance): Promise<boolean> {
  if (held.fileBytes !== found.fileBytes || held.headerHash !== found.headerHash) return false;
  if (held.fileHash !== null && found.fileHash !== null) return held.fileHash === found.fileHash;
  const heldPath = absolutePath(folder, held);
  if (heldPath === foundPath(folder, found)) return true;
  // Where the indexed file is gone, size and header are all that is left to compare.
  return (await sameContent(heldPath, foundPath(folder, found))) ?? !existsSync(heldPath);
}

/** Discs and archives hold one instance in several transfer syntaxes. A damaged one is another matter. */
const isSameOtherwiseWritten = (folder: string, held: HeldInstance, found: ReadInstance): boolean =>
  found.record.damaged === null &&
  held.fileBytes + found.fileBytes <= comparedBytes &&
  isSameInstance(absolutePath(folder, held), foundPath(folder, found)) === true;

const foundPath = (folder: string, { stored, isCopy }: ReadInstance): string =>
  absolutePath(folder, { path: stored, isCopy: isCopy ? 1 : 0 });
