// The hub's ledger: each act of a federation's life, whoever did it, and every byte that the hub gave away.
import Database from 'better-sqlite3';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type HubNews, openHub } from '../../../src/sync/hub/hub.ts';
import { createInviteIn } from '../../../src/sync/hub/invites.ts';
import { hubLedgerEntriesIn, verifyHubLedgerIn } from '../../../src/sync/hub/ledger-in.ts';
import { endMembershipIn } from '../../../src/sync/hub/membership-end.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({ rule: { bufferSize: 1 }, commits: 2 });

async function lifeOfAFederation() {
  const folder = bench.folder();
  const hub = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
  const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
  // From a second process, as `imagiq invite` does while the hub runs.
  const { federation } = await lyon.join(await createInviteIn(folder));
  await lyon.approve(federation, 'chest');
  await until('the project is finished', () => lyon.memberships()[0]?.state === 'finished', 60_000);
  await lyon.leave(federation);
  await until('it has left', async () => (await hub.status()).members.length === 0);
  const isSigned = async (): Promise<boolean> =>
    (await hubLedgerEntriesIn(folder, 1, ({ act }) => act === 'checkpoint')).length > 0;
  await until('the start is signed', isSigned);
  await lyon.close();
  await hub.close();
  return { folder, lyon };
}

/** As somebody does who has the disk and not the hub's key. */
function tamperWith(folder: string, sql: string): void {
  const db = new Database(path.join(folder, 'hub.sqlite'));
  db.exec(sql);
  db.close();
}

describe('the hub’s ledger', () => {
  it('names who did what, and each blob that left with its bytes and its receiver, in a chain that verifies', async () => {
    const { folder, lyon } = await lifeOfAFederation();
    const entries = (await hubLedgerEntriesIn(folder, 1_000, () => true)).reverse();
    const acts = entries.map(({ act }) => act);
    for (const act of ['project-proposed', 'hub-started', 'invite-made', 'site-enrolled', 'site-left']) {
      expect(acts.filter((one) => one === act)).toHaveLength(1);
    }
    expect(acts.filter((act) => act === 'update-accepted')).toHaveLength(2);
    expect(acts.filter((act) => act === 'trunk-committed')).toHaveLength(2);
    const sent = entries.filter(({ act }) => act === 'trunk-sent').map(({ detail }) => detail);
    // Version 2 is what the site made alone: it has those bytes already.
    expect(sent.length).toBeGreaterThanOrEqual(1);
    for (const detail of sent) {
      expect(detail).toMatchObject({ to: 'Lyon', device: lyon.fingerprint });
      expect(detail['bytes']).toBeGreaterThan(64 * 4);
    }
    expect(entries.at(-1)?.act).toBe('checkpoint');
    expect(await verifyHubLedgerIn(folder)).toMatchObject({ verified: true, entries: entries.length, checkpoints: 2 });
  });

  it('keeps a refused update and its reason, and a membership that was ended with its', async () => {
    const folder = bench.folder();
    const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
    const lyon = await bench.site('Lyon', practiceWork({ step: Number.MAX_VALUE }));
    await lyon.join(await hub.createInvite());
    await endMembershipIn(folder, 'Lyon', { kind: 'revoked', because: 'the laptop was stolen' });
    const [revoked] = await hubLedgerEntriesIn(folder, 1, ({ act }) => act === 'site-revoked');
    expect(revoked?.detail).toEqual({ site: 'Lyon', device: lyon.fingerprint, reason: 'the laptop was stolen' });
  });

  it.each<[string, string, number]>([
    ['a changed entry', `UPDATE ledger SET line = replace(line, 'Lyon', 'Oslo') WHERE sequence = 5`, 5],
    ['an entry taken out', 'DELETE FROM ledger WHERE sequence = 4', 4],
    [
      'two entries swapped',
      `UPDATE ledger SET sequence = CASE sequence WHEN 3 THEN -4 WHEN 4 THEN -3 ELSE sequence END;
       UPDATE ledger SET sequence = abs(sequence)`,
      3,
    ],
  ])('shows %s and names the first one that is wrong', async (_, tamper, firstBroken) => {
    const { folder } = await lifeOfAFederation();
    tamperWith(folder, tamper);
    expect(await verifyHubLedgerIn(folder)).toMatchObject({ verified: false, firstBroken });
  });

  it('is signed when the hub starts, and not only when it has run for ten minutes or is stopped in good order', async () => {
    const folder = bench.folder();
    bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
    await until('the checkpoint', async () => (await verifyHubLedgerIn(folder)).checkpoints === 1);
    const [started] = await hubLedgerEntriesIn(folder, 1, ({ act }) => act === 'hub-started');
    expect((await verifyHubLedgerIn(folder)).signedEntries).toBeGreaterThanOrEqual(started!.sequence);
  });

  it('that was changed on the disk is told, entered and shown by a hub that starts on it, and the hub serves', async () => {
    const { folder } = await lifeOfAFederation();
    tamperWith(folder, `UPDATE ledger SET line = replace(line, 'Lyon', 'Oslo') WHERE sequence = 5`);
    const news: HubNews[] = [];
    const hub = bench.keep(await openHub({ folder, port: 0, onNews: (one) => news.push(one) }));
    await until('it is told', () => news.some(({ kind }) => kind === 'ledger-broken'));
    expect(news).toContainEqual({
      kind: 'ledger-broken',
      firstBroken: 5,
      reason: 'its hash does not fit what it says and the entry before it',
    });
    const entered = await until('it is entered and signed', async () =>
      (await hubLedgerEntriesIn(folder, 2, ({ act }) => act !== 'checkpoint')).find(isBrokenLedger),
    );
    expect(entered.detail).toMatchObject({ firstBroken: 5 });
    const health = await (await fetch(`http://127.0.0.1:${hub.port}/healthz`)).json();
    expect(health).toMatchObject({
      status: 'degraded',
      problems: [expect.stringContaining('its ledger is not as it was written, from entry 5 on')],
    });
    const oslo = await bench.site('Oslo', practiceWork({ step: 1 }));
    await oslo.join(await hub.createInvite());
  });
});

const isBrokenLedger = ({ act }: { readonly act: string }): boolean => act === 'ledger-broken';
