// Instances that arrive over the network. An arriving file is written to the incoming folder, complete; once its header
// was read it is renamed there and counts as accepted. Accepted files get their place in the store and are indexed in
// batches afterwards; the name in the incoming folder goes only when the index has the instance, so whatever a killed
// station leaves behind is taken up at the next open. Their content is not hashed: a sender would wait for it, and an
// instance that comes again is compared with the one that is here.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type InTurn, openTurns } from '../../contract/in-turn.ts';
import { openArrivalThread } from './arrival-thread.ts';
import { type Db, databaseFault } from './database.ts';
import { libraryFaults } from './faults.ts';
import { isSameSeries, replacedDamaged } from './file-damage.ts';
import { type HeldInstance, indexWriter, type ReadInstance } from './index-writer.ts';
import { absolutePath } from './instance-path.ts';
import type { LeavingFiles } from './leaving-files.ts';
import type { Likeness } from './arrival-worker.ts';
import { readInstance, type ReadOutcome, readSeenInstance, type SeenFile } from './read-instance.ts';

export interface ArrivedInstance {
  readonly sopInstanceUID: string;
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
}

export type Accepted =
  /** `replaced`: that the file which the library held of it was damaged, and how, as a sentence. */
  | ({ readonly kind: 'imported'; readonly replaced?: string } & ArrivedInstance)
  /** The library holds this instance already; the arrived file is removed. */
  | ({ readonly kind: 'duplicate' } & ArrivedInstance)
  /** Not an instance, or one whose UID belongs to other content; the arrived file is removed. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface InstanceIntake {
  /** A new path for an arriving Part-10 file. A file that is never accepted is removed at the next open. */
  newFile(): string;
  /**
   * Takes over a file that was written, whole and closed, to a path from `newFile`. Resolves when it is where it stays
   * and will be indexed even if the station is killed now.
   * @param seen what was seen of it while it was written: it need not be read again
   * @throws Fault 101 (disk full), 111 (closed); the file is removed.
   */
  accept(file: string, seen?: SeenFile): Promise<Accepted>;
  /** Resolves when all that was accepted before is in the index. @throws Fault 101, 102; nothing accepted is lost. */
  flush(): Promise<void>;
}

export interface OpenIntake extends InstanceIntake {
  /** Stops at once; what is accepted and not indexed yet is taken up at the next open. */
  close(): void;
}

export interface IntakeOptions {
  readonly db: Db;
  readonly folder: string;
  readonly leaving: LeavingFiles;
  /** Called after each batch that changed the index. */
  readonly onIndexed: () => void;
}

const readHereBytes = 1024 * 1024;
const batchSize = 256;
/** Placing has its deadline, and a file system without hard links copies. */
const batchBytes = 512 * 1024 ** 2;
const batchEveryMs = 250;
/** After a batch that failed, on a full disk for example. */
const retryMs = 5_000;
const taskDeadlineMs = 120_000;

export function openInstanceIntake({ db, folder, leaving, onIndexed }: IntakeOptions): OpenIntake {
  const incoming = path.join(folder, 'incoming');
  const writer = indexWriter(db, leaving);
  const reader = openArrivalThread(taskDeadlineMs);
  const placer = openArrivalThread(taskDeadlineMs);
  /** Accepted and not indexed yet, by SOP Instance UID. */
  const pending = new Map<string, ReadInstance>();
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;
  /** Batches and the settling of known instances run one after another. */
  const turns = openTurns();
  const inTurn: InTurn = (work) =>
    turns(() => {
      if (isClosed) throw libraryFaults.closed();
      return work();
    });

  function schedule(afterMs: number): void {
    if (isClosed) return;
    if (timer !== null && afterMs > 0) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      void inTurn(writeBatch).catch(() => schedule(retryMs));
    }, afterMs);
  }

  async function writeBatch(): Promise<void> {
    while (pending.size > 0) await writeOf(firstBatch(pending.values()));
  }

  async function writeOf(batch: readonly ReadInstance[]): Promise<void> {
    const done: string[] = [];
    try {
      const found = batch.map((instance) => ({ ...instance, stored: storedName(instance), isCopy: true }));
      const files = found.map(({ source, stored }) => ({ file: source, target: path.join(folder, stored) }));
      // One that cannot be placed while others can stays in the incoming folder for the next open, and holds nobody up.
      const isPlaced = await placer.run({ kind: 'place', files });
      const placed = found.filter((_, index) => isPlaced[index]);
      // An import may have indexed one of them meanwhile.
      const heldAlready = (): ReadonlySet<string> =>
        writer.heldAmong(placed.map(({ record }) => record.sopInstanceUID));
      const mended = new Map<string, HeldInstance>();
      for (const sopInstanceUID of heldAlready()) {
        const held = writer.held(sopInstanceUID);
        const instance = placed.find(({ record }) => record.sopInstanceUID === sopInstanceUID);
        if (held === null || instance === undefined) continue;
        const likeness = await likenessOf(held, instance);
        if (likeness.is === 'whole') mended.set(sopInstanceUID, held);
        if (likeness.is === 'other') await keepAside(instance);
      }
      if (isClosed) throw libraryFaults.closed();
      const held = heldAlready();
      const isFresh = ({ record }: ReadInstance): boolean =>
        !held.has(record.sopInstanceUID) || mended.has(record.sopInstanceUID);
      writer.insert(placed.filter(isFresh), [...mended.values()]);
      for (const instance of placed) {
        done.push(instance.source);
        if (!isFresh(instance)) done.push(path.join(folder, instance.stored));
      }
      const left = [...mended.values()].filter(({ isCopy }) => isCopy === 1);
      if (left.length > 0) await leaving.clear(left.map((one) => one.path));
    } catch (error) {
      throw databaseFault(error, folder);
    }
    for (const { record } of batch) pending.delete(record.sopInstanceUID);
    await placer.run({ kind: 'remove', files: done });
    onIndexed();
  }

  /** What an arrived file is to the one that the index has of its instance. */
  async function likenessOf(held: HeldInstance, found: ReadInstance): Promise<Likeness> {
    const heldFile = absolutePath(folder, held);
    // A whole file of another series does not mend this one.
    const mayMend = isSameSeries(writer.seriesOf(held), found.record) || !existsSync(heldFile);
    return reader.run({ kind: 'compare', held: heldFile, file: found.source, mayMend });
  }

  /** Takes back the place that a file got before the station was killed: first, since while its name is here it is looked at again. */
  async function leavePlace(found: ReadInstance): Promise<void> {
    const stored = storedName(found);
    if (writer.held(found.record.sopInstanceUID)?.path !== stored) await rm(path.join(folder, stored), { force: true });
  }

  /** An accepted file is never thrown away for one of other content that came first. */
  async function keepAside(found: ReadInstance): Promise<void> {
    await leavePlace(found);
    const aside = path.join(incoming, 'other-content');
    mkdirSync(aside, { recursive: true, mode: 0o700 });
    renameSync(found.source, path.join(aside, path.basename(found.source)));
  }

  /** @param wasAccepted by a station that was killed since */
  async function settleKnown(found: ReadInstance, wasAccepted: boolean): Promise<Accepted> {
    const arrived = arrivedInstance(found);
    const { sopInstanceUID } = arrived;
    if (pending.size > 0) await writeBatch();
    const held = writer.held(sopInstanceUID);
    const likeness = held === null ? null : await likenessOf(held, found);
    if (isClosed) throw libraryFaults.closed();
    if (likeness !== null && likeness.is !== 'whole') {
      if (likeness.is === 'other' && wasAccepted) await keepAside(found);
      else {
        await leavePlace(found);
        await rm(found.source, { force: true });
      }
      return likeness.is === 'same' ? { kind: 'duplicate', ...arrived } : { kind: 'refused', reason: otherContent };
    }
    pending.set(sopInstanceUID, found);
    await writeBatch();
    return {
      kind: 'imported',
      ...arrived,
      ...(likeness === null ? {} : { replaced: replacedDamaged(likeness.damage) }),
    };
  }

  /**
   * In the thread for anything large. A small file's header takes less time here (a fraction of a millisecond, and in
   * proportion to its size whatever it holds) than the two turns to another thread, for which the sender would wait.
   */
  async function readOf(file: string, keptAs: string, seen: SeenFile | null): Promise<ReadOutcome> {
    const known = seen === null ? null : readSeenInstance(seen, file);
    if (known === null && statSync(file).size > readHereBytes) return reader.run({ kind: 'read', file, keptAs });
    const outcome = known ?? readInstance(file, null);
    if (outcome.kind === 'instance' && file !== keptAs) renameSync(file, keptAs);
    return outcome;
  }

  async function take(file: string, keptAs: string, seen: SeenFile | null): Promise<Accepted> {
    if (isClosed) throw libraryFaults.closed();
    const outcome = await readOf(file, keptAs, seen);
    if (outcome.kind !== 'instance') {
      // One that counts as accepted and cannot be read now is left for the next open: its sender may have no other.
      if (file !== keptAs) await rm(file, { force: true });
      const isDirectoryFile = outcome.kind === 'directory-file';
      const reason = 'reason' in outcome ? outcome.reason : 'The file cannot be read.';
      return { kind: 'refused', reason: isDirectoryFile ? 'A DICOMDIR is no instance.' : reason };
    }
    if (isClosed) throw libraryFaults.closed();
    const found: ReadInstance = { ...outcome.instance, source: keptAs };
    const { sopInstanceUID } = found.record;
    if (pending.has(sopInstanceUID) || writer.held(sopInstanceUID) !== null)
      return inTurn(() => settleKnown(found, file === keptAs));
    pending.set(sopInstanceUID, found);
    schedule(pending.size >= batchSize ? 0 : batchEveryMs);
    return { kind: 'imported', ...arrivedInstance(found) };
  }

  /** Takes up what a killed station left: half files go, accepted ones are indexed, one after another. */
  async function takeUp(): Promise<void> {
    if (!existsSync(incoming)) return;
    for (const name of readdirSync(incoming)) {
      const file = path.join(incoming, name);
      if (name.endsWith('.part')) await rm(file, { force: true }).catch(() => {});
      // A fault here (a full disk) leaves the file for the next open.
      else if (name.endsWith('.dcm')) await take(file, file, null).catch(() => {});
    }
  }
  // A folder that cannot be listed is told by `flush`.
  const takenUp = takeUp();
  takenUp.catch(() => {});
  let hasFolder = false;

  return {
    newFile() {
      if (isClosed) throw libraryFaults.closed();
      if (!hasFolder) mkdirSync(incoming, { recursive: true, mode: 0o700 });
      hasFolder = true;
      return path.join(incoming, `${randomUUID()}.part`);
    },
    async accept(file, seen) {
      try {
        return await take(file, file.replace(/\.part$/, '.dcm'), seen ?? null);
      } catch (error) {
        if (!isClosed) await rm(file, { force: true });
        throw databaseFault(error, folder);
      }
    },
    async flush() {
      await takenUp;
      await inTurn(writeBatch);
    },
    close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      reader.close();
      placer.close();
    },
  };
}

function firstBatch(pending: Iterable<ReadInstance>): ReadInstance[] {
  const batch: ReadInstance[] = [];
  let bytes = 0;
  for (const instance of pending) {
    bytes += instance.fileBytes;
    if (batch.length === batchSize || (batch.length > 0 && bytes > batchBytes)) break;
    batch.push(instance);
  }
  return batch;
}

/** Relative to the library's folder; the same again for a file that a killed station had placed and not indexed. */
const storedName = ({ source, headerHash }: ReadInstance): string =>
  path.join('instances', headerHash.slice(0, 2), path.basename(source));

function arrivedInstance({ record }: ReadInstance): ArrivedInstance {
  const { sopInstanceUID, studyInstanceUID, seriesInstanceUID } = record;
  return { sopInstanceUID, studyInstanceUID, seriesInstanceUID };
}

const otherContent = 'Same SOP Instance UID with different content: another file of this instance is already here.';
