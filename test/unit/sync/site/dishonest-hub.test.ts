// The test is the hub, with the hub's true key, and lies. Three sites; what they say to it is what leaves them.
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { projectSchema } from '../../../../src/contract/federation.ts';
import { decodeWeights } from '../../../../src/sync/aggregation/weights.ts';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import type { Channel } from '../../../../src/sync/protocol/channel.ts';
import { createDeviceKeys, type DeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import type { FromSite } from '../../../../src/sync/protocol/messages.ts';
import { parseStatement, type Signed, signStatement } from '../../../../src/sync/protocol/statement.ts';
import { bufferOf, textHash } from '../../../../src/sync/secure-aggregation/roster.ts';
import type { LedgerDetail, MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import { newMembershipState } from '../../../../src/sync/site/membership-file.ts';
import { openOutbox, type Outbox } from '../../../../src/sync/site/outbox.ts';
import {
  openBench,
  practiceProject,
  nothingFound,
  practiceWork,
  until,
  weightsOf,
} from '../../../integration/sync/federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({
  rule: { bufferSize: 4 },
  updateCodec: 'float32',
  secureAggregation: { threshold: 3, stepMs: 60_000 },
});
const projectHash = createHash('sha256').update(JSON.stringify(project)).digest('hex');
const hub = createDeviceKeys();

interface LiedTo {
  readonly keys: DeviceKeys;
  readonly outbox: Outbox;
  readonly desk: MembershipDesk;
  readonly said: FromSite[];
  readonly ledger: { act: string; detail: LedgerDetail }[];
  last<K extends FromSite['kind']>(kind: K): Promise<Extract<FromSite, { kind: K }>>;
  refusal(): Promise<number>;
}

/** Four sites that know each other, each with an update that it has offered. */
async function fourSites(): Promise<LiedTo[]> {
  const keys = [0, 1, 2, 3].map(() => createDeviceKeys()).sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  const cards = Object.fromEntries(
    keys.map((one, index) => [
      one.fingerprint,
      signStatement(
        'site-card',
        { site: `site ${index}`, publicKey: one.publicKey, boxPublicKey: one.boxPublicKey },
        one,
      ),
    ]),
  );
  const sites = keys.map((own, index): LiedTo => {
    const said: FromSite[] = [];
    const ledger: { act: string; detail: LedgerDetail }[] = [];
    const channel = {
      ask: async (message: FromSite) => {
        said.push(message);
        return { kind: 'noted', re: 1 };
      },
      putBlob: async () => {},
    } as unknown as Channel;
    const folder = bench.folder();
    const state = newMembershipState({
      federation: 'ImagiQ',
      hubUrl: 'ws://127.0.0.1:1',
      hubFingerprint: hub.fingerprint,
      site: `site ${index}`,
    });
    Object.assign(state, {
      hubKey: hub.publicKey,
      cards: { ...cards },
      memberFingerprints: Object.keys(cards),
      project: { project: projectSchema.parse(project), hash: projectHash, isFinished: false },
      approval: { cohort: 'chest', projectHash, datasetFingerprint: '0'.repeat(64), acceptsLeak: false },
      leakProbe: { projectHash, datasetFingerprint: '0'.repeat(64), at: '', finding: nothingFound },
    });
    const blobs = openBlobFolder(folder);
    const desk: MembershipDesk = {
      folder,
      state,
      blobs,
      keys: own,
      work: practiceWork({ step: 1 }),
      clock: Date.now,
      save: () => {},
      changed: () => {},
      forget: (hash) => blobs.remove(hash),
      channel: () => channel,
      ledger: (act, detail) => void ledger.push({ act, detail }),
    } as MembershipDesk;
    const outbox = openOutbox(desk, () => 0.9);
    bench.keep({
      async close() {
        outbox.close();
        await blobs.close();
      },
    });
    return {
      keys: own,
      outbox,
      desk,
      said,
      ledger,
      last: <K extends FromSite['kind']>(kind: K) =>
        until(
          kind,
          () => said.findLast((message) => message.kind === kind) as Extract<FromSite, { kind: K }> | undefined,
        ),
      refusal: () =>
        until('the site refuses', () => {
          const found = ledger.find(({ act }) => act === 'masked-buffer-refused');
          return found === undefined ? null : Number(found.detail['code']);
        }),
    };
  });
  for (const [index, { outbox }] of sites.entries()) {
    outbox.store({
      weights: weightsOf(index + 1),
      examples: 10,
      loss: 0.5,
      trunk: { version: 0, blob: createHash('sha256').update(weightsOf(0)).digest('hex'), weights: weightsOf(0) },
    });
    await outbox.deliver();
  }
  return sites;
}
const offersOf = (sites: readonly LiedTo[]): Promise<Signed[]> =>
  Promise.all(sites.map(async (site) => (await site.last('masked-update-offered')).offer));

function rosterOf(sites: readonly LiedTo[], offers: readonly Signed[], changes = {}): Signed {
  const members = sites.map(({ keys }, index) => ({
    site: keys.fingerprint,
    offer: textHash(offers[index]!.statement),
  }));
  const openedAt = new Date().toISOString();
  const roster = { project: project.id, projectHash, trunkVersion: 0, threshold: 3, openedAt, members, ...changes };
  return signStatement('masked-roster', roster, hub);
}
const open = (site: LiedTo, roster: Signed, offers: readonly Signed[]): void => {
  site.outbox.receive({ kind: 'masked-buffer-opened', roster, offers: [...offers] });
  void site.outbox.deliver();
};
/** Brings honest sites to where the hub may ask for the secrets. */
async function masked(sites: readonly LiedTo[]): Promise<{ buffer: string }> {
  const offers = await offersOf(sites);
  const roster = rosterOf(sites, offers);
  for (const site of sites) open(site, roster, offers);
  const shares = await Promise.all(sites.map(async (site) => (await site.last('mask-shares-dealt')).shares));
  for (const site of sites) {
    site.outbox.receive({ kind: 'mask-shares-relayed', buffer: bufferOf(roster), shares });
    void site.outbox.deliver();
  }
  for (const site of sites) await site.last('masked-update-sent');
  return { buffer: bufferOf(roster) };
}
const ask = (site: LiedTo, buffer: string, counted: readonly LiedTo[], keys = hub): void => {
  const unmasking = signStatement('unmasking', { buffer, counted: counted.map((one) => one.keys.fingerprint) }, keys);
  site.outbox.receive({ kind: 'unmasking-asked', unmasking });
  void site.outbox.deliver();
};

describe('a hub that asks for the secrets of a masked buffer', () => {
  it('gets one of the two of each site: a second question with another list is refused, entered, and told', async () => {
    const sites = await fourSites();
    const { buffer } = await masked(sites);
    const [first] = sites as [LiedTo, ...LiedTo[]];
    ask(first, buffer, sites);
    const revealed = parseStatement('revealed-shares', (await first.last('masks-revealed')).revealed.statement);
    expect(revealed.shares.map(({ of }) => of)).toEqual(sites.map(({ keys }) => keys.fingerprint));
    // The same list again gets the same answer; one without the last site would get the other secret of that site.
    ask(first, buffer, sites);
    ask(first, buffer, sites.slice(0, 3));
    expect(await first.refusal()).toBe(586);
    expect((await first.last('masked-buffer-refused')).fault.message).toContain('second time');
    expect(first.desk.state.reason).toContain('Tell the coordinator');
    await first.outbox.deliver();
    const answers = first.said.filter((message) => message.kind === 'masks-revealed');
    expect(new Set(answers.map((message) => message.revealed.statement)).size).toBe(1);
    const held = Object.values(first.desk.state.masking!.buffer!.held!);
    const shown = new Set(revealed.shares.map(({ share }) => share));
    expect(held.filter(({ keyShare, seedShare }) => shown.has(keyShare) && shown.has(seedShare))).toEqual([]);
    expect(held.every(({ seedShare }) => shown.has(seedShare))).toBe(true);
  });

  it('for a sum of too few, of strangers, or without the hub’s own signature is refused', async () => {
    const sites = await fourSites();
    const { buffer } = await masked(sites);
    const [one, two, three] = sites as [LiedTo, LiedTo, LiedTo, LiedTo];
    ask(one, buffer, [one, two]);
    expect(await one.refusal()).toBe(587);
    ask(two, buffer, [one, two, two]);
    expect(await two.refusal()).toBe(587);
    ask(three, buffer, sites, createDeviceKeys());
    expect(await three.refusal()).toBe(403);
    expect(sites.flatMap(({ said }) => said).filter(({ kind }) => kind === 'masks-revealed')).toEqual([]);
  });
});

describe('a hub that proposes a group of sites', () => {
  it.each<[string, (sites: LiedTo[], offers: Signed[]) => { roster: Signed; offers?: Signed[] } | Signed, string]>([
    ['with a lower threshold', (sites, offers) => rosterOf(sites, offers, { threshold: 2 }), 'threshold'],
    [
      'of two',
      (sites, offers) => ({ roster: rosterOf(sites.slice(0, 2), offers), offers: offers.slice(0, 2) }),
      '2 sites',
    ],
    [
      'for another project',
      (sites, offers) => rosterOf(sites, offers, { projectHash: '1'.repeat(64) }),
      'another project',
    ],
    [
      'with one of them twice',
      (sites, offers) => ({
        roster: rosterOf([sites[0]!, sites[1]!, sites[1]!], [offers[0]!, offers[1]!, offers[1]!]),
        offers: [offers[0]!, offers[1]!, offers[1]!],
      }),
      'twice',
    ],
    [
      'that leaves this site out',
      (sites, offers) => ({ roster: rosterOf(sites.slice(1), offers.slice(1)), offers: offers.slice(1) }),
      'not in it',
    ],
    [
      'with other keys under a member’s name',
      (sites, offers) => {
        const forged = signStatement('masked-offer', parseStatement('masked-offer', offers[3]!.statement), hub);
        const changed = [...offers.slice(0, 3), forged];
        return { roster: rosterOf(sites, changed), offers: changed };
      },
      'signature',
    ],
    [
      'with a site that is no member',
      (sites, offers) => {
        sites[0]!.desk.state.memberFingerprints = sites.slice(0, 3).map(({ keys }) => keys.fingerprint);
        return rosterOf(sites, offers);
      },
      'not a member',
    ],
    [
      'that it gave different trunks under one version',
      (sites, offers) => {
        const offer = parseStatement('masked-offer', offers[3]!.statement);
        const other = signStatement('masked-offer', { ...offer, base: 'f'.repeat(64) }, sites[3]!.keys);
        const changed = [...offers.slice(0, 3), other];
        return { roster: rosterOf(sites, changed), offers: changed };
      },
      'different trunks',
    ],
  ])('%s is refused before anything is sent into it', async (_what, lie, reason) => {
    const sites = await fourSites();
    const offers = await offersOf(sites);
    const told = lie(sites, offers);
    const [first] = sites as [LiedTo, ...LiedTo[]];
    if ('roster' in told) open(first, told.roster, told.offers ?? offers);
    else open(first, told, offers);
    await first.refusal();
    expect((await first.last('masked-buffer-refused')).fault.message).toContain(reason);
    await first.outbox.deliver();
    expect(first.said.map(({ kind }) => kind)).toEqual(['masked-update-offered', 'masked-buffer-refused']);
    expect(first.desk.state.spool).toHaveLength(1);
  });

  it('shows two sites different groups, and is found out by the first shares that it relays', async () => {
    const sites = await fourSites();
    const offers = await offersOf(sites);
    const rosters = [rosterOf(sites, offers), rosterOf(sites, offers, { openedAt: 'another view' })];
    sites.forEach((site, index) => open(site, rosters[index === 3 ? 1 : 0]!, offers));
    const shares = await Promise.all(sites.map(async (site) => (await site.last('mask-shares-dealt')).shares));
    const [first] = sites as [LiedTo, ...LiedTo[]];
    first.outbox.receive({ kind: 'mask-shares-relayed', buffer: bufferOf(rosters[0]!), shares });
    expect(await first.refusal()).toBe(585);
    expect((await first.last('masked-buffer-refused')).fault.message).toContain('another group of sites');
    await first.outbox.deliver();
    expect(first.said.map(({ kind }) => kind)).not.toContain('masked-update-sent');
  });

  it('into which a site’s keys went already is refused: the same keys mask one update in one buffer', async () => {
    const sites = await fourSites();
    const offers = await offersOf(sites);
    await masked(sites);
    const [first] = sites as [LiedTo, ...LiedTo[]];
    const sent = (await first.last('masked-update-sent')).update;
    open(first, rosterOf(sites, offers, { openedAt: 'once more' }), offers);
    expect(await first.refusal()).toBe(584);
    expect((await first.last('masked-update-sent')).update).toEqual(sent);
    // What was sent is not the update: neither its values nor its difference from another mask.
    const blob = parseStatement('masked-update', sent.statement).blob;
    const bytes = await first.desk.blobs.read(blob);
    const open64 = decodeWeights(weightsOf(1)).get('logits.kernel')!.values;
    expect(new Set(new Uint32Array(bytes.buffer, bytes.byteOffset, 64)).size).toBeGreaterThan(60);
    expect(new Set(open64).size).toBe(1);
  });
});
