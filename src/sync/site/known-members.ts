// The members of a federation, as a site heard of them last, in a file of their own: it grows with the federation, and everything else that
// a membership remembers changes far more often.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { membershipSchema } from '../../contract/federation.ts';
import { fingerprintSchema } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { parseJson, signedSchema } from '../protocol/statement.ts';

export const knownMembersSchema = z.object({
  /** By device: members and former ones whose models may be here. */
  cards: z.record(fingerprintSchema, signedSchema),
  /** By device: the newest `address` statement. */
  addresses: z.record(fingerprintSchema, signedSchema).default({}),
  members: membershipSchema.shape.members,
  /** The members that the hub named last. */
  memberFingerprints: z.array(fingerprintSchema).default([]),
  /** Members that take no part in the project: they observe, or declined it. */
  bystanders: z.array(fingerprintSchema).default([]),
});
export type KnownMembers = z.infer<typeof knownMembersSchema>;

export const noKnownMembers = (): KnownMembers => ({
  cards: {},
  addresses: {},
  members: [],
  memberFingerprints: [],
  bystanders: [],
});

/** News of members comes in bursts, and after a kill the hub says all of it again: it need not be on the disk sooner. */
const writtenWithinMs = 2_000;

const fileIn = (folder: string): string => path.join(folder, 'members.json');

/** None where there is no such file, or one that cannot be read: at the next welcome the hub names all members. */
export function readKnownMembers(folder: string): KnownMembers {
  if (!existsSync(fileIn(folder))) return noKnownMembers();
  const known = knownMembersSchema.safeParse(parseJson(readFileSync(fileIn(folder), 'utf8')));
  return known.success ? known.data : noKnownMembers();
}

export interface KnownMembersFile {
  /** Something of them changed that is worth a write: within two seconds, many changes at once. */
  changed(): void;
  /** Writes what is not written yet. @throws what the system answers, a full disk for example. */
  flush(): void;
  close(): void;
}

/** @param known read when it is written; what it holds at first counts as not written. */
export function openKnownMembersFile(folder: string, known: KnownMembers): KnownMembersFile {
  let isUnwritten = true;
  let writing: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (writing !== null) clearTimeout(writing);
    writing = null;
    if (!isUnwritten) return;
    const { cards, addresses, members, memberFingerprints, bystanders } = known;
    const written: KnownMembers = { cards, addresses, members, memberFingerprints, bystanders };
    writeFileDurably(fileIn(folder), JSON.stringify(written), 0o600);
    isUnwritten = false;
  };
  const flushIfPossible = (): void => {
    try {
      flush();
    } catch {
      // A full disk: written with the next change, and the hub says it again.
    }
  };
  return {
    changed() {
      isUnwritten = true;
      writing ??= setTimeout(flushIfPossible, writtenWithinMs).unref();
    },
    flush,
    close() {
      if (writing !== null) flushIfPossible();
    },
  };
}
