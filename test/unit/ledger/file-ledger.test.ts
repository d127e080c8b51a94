import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/contract/fault.ts';
import { ledgerEntrySchema } from '../../../src/contract/ledger.ts';
import { openFileLedger } from '../../../src/ledger/file-ledger.ts';

let folder: string;
let file: string;
const noon = () => new Date('2026-03-01T12:00:00Z');
const lines = (): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const rewrite = (changed: readonly string[]): void => writeFileSync(file, `${changed.join('\n')}\n`);

/** A ledger of four acts: import, cohort, join, update. */
function filledLedger() {
  const ledger = openFileLedger(folder, { now: noon });
  ledger.append('import', { files: 120, refused: 2 });
  ledger.append('cohort-created', { cohort: 'chest', hash: 'ab12' });
  ledger.append('joined', { federation: 'north' });
  ledger.append('update-sent', { project: 'chest-x-ray', bytes: 48_211, hash: 'cd34' });
  return ledger;
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-ledger-'));
  file = path.join(folder, 'ledger.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the ledger', () => {
  it('gives entries back newest first, each in the form of the contract', () => {
    const entries = filledLedger().entries(3);
    expect(entries.map(({ act }) => act)).toEqual(['update-sent', 'joined', 'cohort-created']);
    expect(entries[0]).toMatchObject({ sequence: 4, at: '2026-03-01T12:00:00.000Z', detail: { bytes: 48_211 } });
    expect(entries[0]!.previousHash).toBe(entries[1]!.hash);
    for (const entry of entries) expect(ledgerEntrySchema.parse(entry)).toEqual(entry);
  });

  it('can be checked with nothing but SHA-256: each hash covers the one before and the exact bytes of the entry', () => {
    filledLedger();
    let previous: Uint8Array = Buffer.alloc(32);
    for (const line of lines()) {
      const entryBytes = line.slice('{"hash":"'.length + 64 + '","entry":'.length, -1);
      previous = createHash('sha256').update(previous).update(entryBytes).digest();
      expect(JSON.parse(line)).toHaveProperty('hash', Buffer.from(previous).toString('hex'));
    }
  });

  it('goes on where it was after the station is opened again', () => {
    const { hash: head } = filledLedger().head();
    const again = openFileLedger(folder, { now: noon });
    expect(again.head()).toEqual({ entries: 4, hash: head });
    expect(again.append('left', { federation: 'north' })).toMatchObject({ sequence: 5, previousHash: head });
    expect(again.verify()).toMatchObject({ verified: true, firstBroken: null, entries: 5 });
  });

  it('is empty and sound before the first act', () => {
    const ledger = openFileLedger(folder);
    expect(ledger.entries(10)).toEqual([]);
    expect(ledger.verify()).toMatchObject({ verified: true, firstBroken: null, entries: 0 });
  });

  it.each<[string, (all: string[]) => string[], number]>([
    ['a changed number', (all) => all.map((line) => line.replace('"files":120', '"files":121')), 1],
    ['an entry taken out', (all) => all.toSpliced(1, 1), 2],
    ['two entries swapped', (all) => [all[0]!, all[2]!, all[1]!, all[3]!], 2],
    ['an entry repeated', (all) => [...all, all[3]!], 5],
    ['a line that is not an entry', (all) => all.toSpliced(2, 1, 'nothing happened'), 3],
  ])('detects %s and says where', (_, change, firstBroken) => {
    const ledger = filledLedger();
    rewrite(change(lines()));
    expect(ledger.verify()).toMatchObject({ verified: false, firstBroken });
    expect(openFileLedger(folder).verify()).toMatchObject({ verified: false, firstBroken });
  });

  it('still takes entries after tampering, and still reports it', () => {
    filledLedger();
    rewrite(lines().map((line) => line.replace('"refused":2', '"refused":0')));
    const again = openFileLedger(folder);
    again.append('import', { files: 1 });
    expect(again.entries(1)[0]?.act).toBe('import');
    expect(again.verify()).toMatchObject({ verified: false, firstBroken: 1, entries: 5 });
  });

  it('torn anywhere in its last line by a crash is repaired, with a note of it', () => {
    filledLedger();
    const whole = readFileSync(file);
    const lastLine = whole.subarray(0, -1).lastIndexOf(0x0a) + 1;
    for (let cut = lastLine + 1; cut < whole.length; cut += 7) {
      writeFileSync(file, whole.subarray(0, cut));
      const again = openFileLedger(folder, { now: noon });
      expect(again.entries(2).map(({ act }) => act)).toEqual(['ledger-repaired', 'joined']);
      expect(again.entries(1)[0]!.detail).toEqual({ removedBytes: cut - lastLine });
      expect(again.verify()).toMatchObject({ verified: true, entries: 4 });
    }
  });

  it('is repaired when a power cut left zeros at its end', () => {
    filledLedger();
    appendFileSync(file, Buffer.alloc(512));
    expect(openFileLedger(folder).verify()).toMatchObject({ verified: true, entries: 5 });
  });

  it('opens and tells apart what is sound even with megabytes of rubbish in it', () => {
    filledLedger();
    appendFileSync(file, Buffer.alloc(3_000_000));
    expect(openFileLedger(folder).verify()).toMatchObject({ verified: true, entries: 5 });
    appendFileSync(file, `${'rubbish'.repeat(200_000)}\n`);
    const again = openFileLedger(folder);
    again.append('note', {});
    expect(again.verify()).toMatchObject({ verified: false, firstBroken: 6, entries: 7 });
  });

  it('keeps what it has when an entry cannot be written', () => {
    const ledger = openFileLedger(folder, { now: noon });
    mkdirSync(file);
    expect(() => ledger.append('import', {})).toThrow(expect.objectContaining({ code: 641, retry: 'later' }));
    rmSync(file, { recursive: true });
    expect(ledger.append('import', {}).sequence).toBe(1);
    expect(ledger.verify()).toMatchObject({ verified: true, entries: 1 });
  });

  it('refuses an entry beyond 64 KiB and stays as it was', () => {
    const ledger = filledLedger();
    const before = statSync(file).size;
    expect(() => ledger.append('note', { text: 'x'.repeat(70_000) })).toThrow(Fault);
    expect(statSync(file).size).toBe(before);
    expect(ledger.append('note', { text: 'short' }).sequence).toBe(5);
  });

  it('reads back what spans many pieces of the file', () => {
    const ledger = openFileLedger(folder, { now: noon });
    for (let act = 0; act < 20; act += 1) ledger.append('note', { text: `ä${act}`.repeat(9_000) });
    expect(ledger.verify()).toMatchObject({ verified: true, firstBroken: null, entries: 20 });
    expect(ledger.entries(1)[0]!.detail['text']).toBe('ä19'.repeat(9_000));
  });
});
