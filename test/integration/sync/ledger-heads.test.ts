// Site and hub countersign each other's ledgers: what either cuts off or rewrites, the other's memory shows.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { openFileLedger } from '../../../src/ledger/file-ledger.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { hubLedgerEntriesIn, verifyHubLedgerIn } from '../../../src/sync/hub/ledger-in.ts';
import { openAuthor } from '../../../src/sync/site/author.ts';
import { openSite } from '../../../src/sync/site/site.ts';
import { parseStatement, signStatement } from '../../../src/sync/protocol/statement.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

/** A site with a ledger on disk, as a station has it. */
async function siteIn(folder: string) {
  const ledger = openFileLedger(folder, { seal: openAuthor(folder) });
  const site = bench.keep(
    await openSite({
      folder,
      siteName: 'Lyon',
      work: practiceWork({ step: 1 }),
      random: () => 0.2,
      ledger,
      onChange: () => {},
      onLedger: (act, detail) => ledger.append(act, detail),
    }),
  );
  return { ledger, site };
}

async function federation() {
  const hubFolder = bench.folder();
  const folder = bench.folder();
  const hub = await openHub({ folder: hubFolder, port: 0 });
  const { ledger, site } = await siteIn(folder);
  for (let act = 0; act < 5; act += 1) ledger.append('note', { act });
  await site.join(await hub.createInvite());
  const [witness] = await until(
    'the hub countersigned',
    () => site.ledgerWitnesses().length > 0 && site.ledgerWitnesses(),
  );
  return { hubFolder, folder, hub, ledger, site, witness: witness! };
}

describe('a site’s ledger', () => {
  it('is countersigned by its hub, and verifies against that', async () => {
    const { ledger, witness, hub } = await federation();
    expect(witness.hash).toBe(ledger.hashAt(witness.entries));
    expect(ledger.verify([witness])).toMatchObject({ verified: true });
    await hub.close();
  });

  it('is countersigned to its last entry when the site closes: what was done last cannot be cut off unseen either', async () => {
    const { folder, hub, ledger, site } = await federation();
    for (let act = 0; act < 3; act += 1) ledger.append('note', { act });
    await site.close();
    expect(site.ledgerWitnesses()[0]?.entries).toBe(ledger.head().entries);
    const file = path.join(folder, 'ledger.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    writeFileSync(file, `${lines.slice(0, -1).join('\n')}\n`);
    const cut = openFileLedger(folder, { seal: openAuthor(folder) });
    expect(cut.verify(site.ledgerWitnesses())).toMatchObject({ verified: false });
    await hub.close();
  });

  it.each<[string, (lines: string[]) => string[]]>([
    ['cut off', (lines) => lines.slice(0, 2)],
    ['forked', (lines) => lines.slice(0, 2)],
  ])(
    'that is %s together with everything that remembers it here is shown by the hub’s memory',
    async (kind, change) => {
      const { folder, hub, site, witness } = await federation();
      await site.close();
      const file = path.join(folder, 'ledger.jsonl');
      writeFileSync(file, `${change(readFileSync(file, 'utf8').trimEnd().split('\n')).join('\n')}\n`);
      if (kind === 'forked') {
        const forked = openFileLedger(folder, { seal: openAuthor(folder) });
        while (forked.head().entries < witness.entries + 3) forked.append('note', { text: 'nothing happened' });
      }
      const again = await siteIn(folder);
      const told = await until(
        'it is told',
        () => again.ledger.entries(1, ({ act }) => act === 'ledger-contradicted')[0],
      );
      expect(told.detail['reason']).toContain('the hub countersigned');
      await until('a person is told', () => again.site.memberships()[0]?.reason?.includes('data protection officer'));
      await hub.close();
    },
  );
});

describe('a hub’s ledger', () => {
  it('is countersigned by its sites; what is cut off is named by the check and entered when the site comes back', async () => {
    const { hubFolder, folder, hub, site } = await federation();
    const { port } = hub;
    // The site's word on the hub's head travels with its next exchange.
    await site.close();
    const second = await siteIn(folder);
    await until('the hub has it', async () => (await verifyHubLedgerIn(hubFolder)).witnesses.length > 0);
    await second.site.close();
    await hub.close();
    expect(await verifyHubLedgerIn(hubFolder)).toMatchObject({ verified: true, witnesses: [{ by: 'Lyon' }] });
    const db = new Database(path.join(hubFolder, 'hub.sqlite'));
    db.exec('DELETE FROM ledger WHERE sequence > 1');
    db.close();
    expect(await verifyHubLedgerIn(hubFolder)).toMatchObject({ verified: false, firstBroken: 2 });
    bench.keep(await openHub({ folder: hubFolder, port }));
    const third = await siteIn(folder);
    await until(
      'the site noticed',
      () => third.ledger.entries(1, ({ act }) => act === 'ledger-contradicted').length > 0,
    );
    const noticed = await until(
      'so did the hub',
      async () => (await hubLedgerEntriesIn(hubFolder, 9, ({ act }) => act === 'ledger-contradicted'))[0],
    );
    expect(noticed.detail['reason']).toContain('Lyon countersigned');
  });
});

describe('a member', () => {
  it('has nothing entered by fetching no bytes, nor by countersigning a ledger that is not this hub’s', async () => {
    const hubFolder = bench.folder();
    const order = { folder: hubFolder, port: 0, project: practiceProject(), initialWeights: weightsOf(0) };
    const hub = bench.keep(await openHub(order));
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Oslo' }));
    const announced = await until('the project', () => site.heard.find(({ kind }) => kind === 'project-announced'));
    if (announced.kind !== 'project-announced') throw new Error('no project');
    const { blob, bytes } = parseStatement('trunk', announced.trunk!.statement);
    await site.channel.ask({ kind: 'get-begin', hash: blob, offset: bytes, transfer: '1'.repeat(32) });
    expect(await hubLedgerEntriesIn(hubFolder, 9, ({ act }) => act === 'trunk-sent')).toEqual([]);

    const device = site.keys.fingerprint;
    const at = '2026-01-01T00:00:00.000Z';
    const head = signStatement('ledger-head', { owner: device, entries: 1, hash: '1'.repeat(64), at }, site.keys);
    const foreign = { witness: device, owner: '2'.repeat(64), entries: 1, hash: '3'.repeat(64), at };
    const witness = signStatement('ledger-witness', foreign, site.keys);
    await expect(site.channel.ask({ kind: 'heads-exchanged', head, witness })).rejects.toMatchObject({ code: 403 });
    expect(await hubLedgerEntriesIn(hubFolder, 9, ({ act }) => act === 'ledger-contradicted')).toEqual([]);
  });
});
