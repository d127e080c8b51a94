// The hub's ledger: the same chain as a site's, in rows of the hub's database, so that an act and its entry are one transaction, and
// so that `imagiq invite` beside a running hub goes on in the same chain.
import type { LedgerEntry } from '../../contract/ledger.ts';
import { openChainCheck } from '../../ledger/chain-check.ts';
import { checkpointAct, checkpointDetail, checkpointEvery, type LedgerSeal } from '../../ledger/checkpoint.ts';
import { ledgerFault } from '../../ledger/faults.ts';
import type { LedgerHead, Verification } from '../../ledger/ledger.ts';
import { firstPreviousHash, formatLine, hashOfLine, maxLineBytes, parseLine } from '../../ledger/ledger-line.ts';
import { type DeviceKeys, fingerprintOf, isSignatureOf, signatureOf } from '../protocol/device-keys.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';

/** Enters an act inside the caller's transaction. @throws Fault 642 for one beyond 64 KiB. */
export type EnterAct = (tx: HubStatements, act: string, detail: LedgerEntry['detail']) => Promise<void>;

export interface HubLedger {
  readonly enter: EnterAct;
  /** Enters an act in a transaction of its own. */
  append(act: string, detail: LedgerEntry['detail']): Promise<void>;
  /** The latest entries that are wanted, newest first. */
  entries(limit: number, isWanted?: (entry: LedgerEntry) => boolean): Promise<LedgerEntry[]>;
  /**
   * Recomputes the whole chain. `known` are heads that others countersigned: each must be in it. `pause` is waited for after each thousand
   * entries (some 5 ms).
   */
  verify(known?: readonly LedgerHead[], pause?: () => Promise<void>): Promise<Verification>;
  head(): Promise<LedgerHead>;
  /** Hash of the entry with this number (from 1); null where there is none. */
  hashAt(sequence: number): Promise<string | null>;
  /** Signs what was entered since the last checkpoint. @returns whether there was anything. */
  checkpoint(): Promise<boolean>;
}

interface Row {
  readonly sequence: number;
  readonly line: string;
}

/** Rows read at once. */
const pageRows = 1_000;

/** The hub's own key as the one that signs its ledger. */
export function hubSeal({ publicKey, fingerprint, signingKey }: DeviceKeys): LedgerSeal {
  const bytes = (domain: string, statement: string): Uint8Array => Buffer.from(`${domain}\n${statement}`);
  return {
    publicKey,
    fingerprint,
    sign: (domain, statement) => signatureOf(bytes(domain, statement), signingKey),
    isSigned: (by, domain, statement) =>
      fingerprintOf(by.publicKey) === by.fingerprint &&
      isSignatureOf(bytes(domain, statement), by.signature, by.publicKey),
  };
}

/** Opens the ledger in the hub's database. Other processes may append to it too. Without a seal nothing is signed. */
export function openHubLedger(db: HubDatabase, seal: LedgerSeal | null, clock: () => number): HubLedger {
  const headOf = async (from: HubStatements): Promise<LedgerHead> => {
    const row = await from.get<Row>('SELECT sequence, line FROM ledger ORDER BY sequence DESC LIMIT 1');
    return row === undefined
      ? { entries: 0, hash: firstPreviousHash }
      : { entries: row.sequence, hash: hashOfLine(row.line) ?? firstPreviousHash };
  };
  const write = async (tx: HubStatements, act: string, detail: LedgerEntry['detail']): Promise<LedgerEntry> => {
    const { entries, hash } = await headOf(tx);
    const at = new Date(clock()).toISOString();
    const { line, entry } = formatLine({ sequence: entries + 1, at, act, detail, previousHash: hash });
    const bytes = Buffer.byteLength(line);
    if (bytes > maxLineBytes) throw ledgerFault.entryTooLarge(bytes, maxLineBytes);
    await tx.run('INSERT INTO ledger VALUES (?, ?, ?)', entry.sequence, act, line);
    return entry;
  };
  const sign = async (tx: HubStatements): Promise<boolean> => {
    const { entries, hash } = await headOf(tx);
    const last = await tx.get<{ act: string }>('SELECT act FROM ledger WHERE sequence = ?', entries);
    if (seal === null || last === undefined || last.act === checkpointAct) return false;
    await write(tx, checkpointAct, checkpointDetail(seal, entries, hash));
    return true;
  };
  const enter: EnterAct = async (tx, act, detail) => {
    const { sequence } = await write(tx, act, detail);
    if (sequence % checkpointEvery.entries === 0) await sign(tx);
  };

  return {
    enter,
    append: (act, detail) => db.transaction((tx) => enter(tx, act, detail)),
    checkpoint: () => db.transaction(sign),
    async entries(limit, isWanted = () => true) {
      const wanted: LedgerEntry[] = [];
      for (let before = (await headOf(db)).entries + 1; before > 1 && wanted.length < limit;) {
        // One more row than the page: the hash that the last of them is chained to.
        const rows = await db.all<Row>(
          'SELECT sequence, line FROM ledger WHERE sequence < ? ORDER BY sequence DESC LIMIT ?',
          before,
          pageRows + 1,
        );
        for (const [index, { line }] of rows.slice(0, pageRows).entries()) {
          const previousHash = hashOfLine(rows[index + 1]?.line ?? '') ?? firstPreviousHash;
          const entry = parseLine(line, previousHash)?.entry;
          if (entry !== undefined && wanted.length < limit && isWanted(entry)) wanted.push(entry);
        }
        before = rows.length > pageRows ? rows[pageRows - 1]!.sequence : 1;
      }
      return wanted;
    },
    async verify(known = [], pause = async () => {}) {
      const chain = openChainCheck(seal, known);
      for (let after = 0; ;) {
        const rows = await db.all<Row>(
          'SELECT sequence, line FROM ledger WHERE sequence > ? ORDER BY sequence LIMIT ?',
          after,
          pageRows,
        );
        for (const { line } of rows) chain.take(line);
        if (rows.length < pageRows) return chain.verification();
        after = rows.at(-1)!.sequence;
        await pause();
      }
    },
    head: () => headOf(db),
    async hashAt(sequence) {
      if (sequence === 0) return firstPreviousHash;
      const row = await db.get<Row>('SELECT sequence, line FROM ledger WHERE sequence = ?', sequence);
      return hashOfLine(row?.line ?? '');
    },
  };
}
