import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { openFileLedger } from '../../../src/ledger/file-ledger.ts';

const writer = fileURLToPath(new URL('ledger-writer.ts', import.meta.url));

it('a killed station loses no entry that was acknowledged, and its ledger verifies', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-ledger-'));
  const acknowledged: string[] = [];
  try {
    for (let kill = 1; kill <= 3; kill += 1) {
      const child = spawn(process.execPath, [writer, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
      const target = acknowledged.length + 20 * kill;
      const ended = once(child, 'exit');
      for await (const hash of createInterface(child.stdout)) {
        if (hash.length === 64) acknowledged.push(hash);
        if (acknowledged.length === target) child.kill('SIGKILL');
      }
      await ended;
    }
    const ledger = openFileLedger(folder);
    expect(ledger.verify()).toMatchObject({ verified: true, firstBroken: null });
    const kept = new Set(ledger.entries(1_000_000).map(({ hash }) => hash));
    expect(acknowledged.length).toBeGreaterThanOrEqual(60);
    expect(acknowledged.filter((hash) => !kept.has(hash))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
