// Signed checkpoints and heads that others remember: what a chain of hashes alone does not show.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointEvery } from '../../../src/ledger/checkpoint.ts';
import { openFileLedger } from '../../../src/ledger/file-ledger.ts';
import { formatLine } from '../../../src/ledger/ledger-line.ts';
import { openAuthor } from '../../../src/sync/site/author.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-ledger-'));
  file = path.join(folder, 'ledger.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lines = (): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const opened = () => openFileLedger(folder, { seal: openAuthor(folder) });

/** What somebody with the disk and without the key can do: a chain whose every hash fits. */
function forge(entries: readonly { act: string; detail: Record<string, string | number> }[]): void {
  let previousHash = '0'.repeat(64);
  const forged = entries.map(({ act, detail }, index) => {
    const { line, entry } = formatLine({ sequence: index + 1, at: '2026-03-01T12:00:00Z', act, detail, previousHash });
    previousHash = entry.hash;
    return line;
  });
  writeFileSync(file, `${forged.join('\n')}\n`);
}

describe('checkpoints', () => {
  it('are signed every hundred entries by themselves, and on demand when there is anything new', () => {
    const ledger = opened();
    for (let act = 0; act < checkpointEvery.entries * 2; act += 1) ledger.append('note', { act });
    expect(ledger.verify()).toMatchObject({ verified: true, checkpoints: 2, signedEntries: 201 });
    ledger.append('note', {});
    expect(ledger.checkpoint()).toBe(true);
    expect(ledger.checkpoint()).toBe(false);
    expect(opened().verify()).toMatchObject({ verified: true, checkpoints: 3, signedEntries: 203, entries: 204 });
  });

  it('cannot be made without the key: a chain that was recomputed from an entry on is found at the first signature', () => {
    const ledger = opened();
    ledger.append('update-sent', { bytes: 10 });
    ledger.checkpoint();
    const { detail } = ledger.entries(1)[0]!;
    forge([
      { act: 'update-sent', detail: { bytes: 1 } },
      { act: 'checkpoint', detail: detail as Record<string, string> },
    ]);
    expect(opened().verify()).toMatchObject({ verified: false, firstBroken: 2, checkpoints: 0 });
    const other = openAuthor(mkdtempSync(path.join(folder, 'other-')));
    const signature = other.sign('imagiq.ledger.v1 checkpoint', `1\n${opened().hashAt(1)}`);
    forge([
      { act: 'update-sent', detail: { bytes: 1 } },
      { act: 'checkpoint', detail: { key: other.publicKey, signature } },
    ]);
    expect(opened().verify()).toMatchObject({ verified: false, firstBroken: 2 });
  });
});

describe('heads that others countersigned', () => {
  it('show that the end was cut off', () => {
    const ledger = opened();
    for (let act = 0; act < 5; act += 1) ledger.append('note', { act });
    const known = [ledger.head()];
    expect(ledger.verify(known)).toMatchObject({ verified: true });
    writeFileSync(file, `${lines().slice(0, 3).join('\n')}\n`);
    expect(opened().verify()).toMatchObject({ verified: true });
    expect(opened().verify(known)).toMatchObject({ verified: false, firstBroken: 4, entries: 3 });
  });

  it('show a fork: a ledger of the same length that says something else', () => {
    const ledger = opened();
    for (let act = 0; act < 5; act += 1) ledger.append('note', { act });
    const known = [ledger.head()];
    forge(Array.from({ length: 6 }, () => ({ act: 'note', detail: { act: 9 } })));
    expect(opened().verify()).toMatchObject({ verified: true });
    const found = opened().verify(known);
    expect(found).toMatchObject({ verified: false, firstBroken: 5 });
    expect(found.reason).toContain('rewritten');
  });
});
