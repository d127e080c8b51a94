// What the hub relies on in its database, held by each of the two: SQLite in a folder, PostgreSQL in a cluster made for this test.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDeviceKeys, type DeviceKeys } from '../../../src/sync/protocol/device-keys.ts';
import { openBlobFolder } from '../../../src/sync/protocol/blob-folder.ts';
import {
  type Signed,
  signStatement,
  type StatementOf,
  type TrunkStatement,
} from '../../../src/sync/protocol/statement.ts';
import { followEvents, type HubEvent, recordEvent } from '../../../src/sync/hub/event-log.ts';
import { type HubDatabase, openHubDatabase, readSetting, writeSetting } from '../../../src/sync/hub/hub-database.ts';
import { lockHubFolder } from '../../../src/sync/hub/hub-folder-lock.ts';
import { openHubLedger } from '../../../src/sync/hub/hub-ledger.ts';
import { createInvite, createInviteIn } from '../../../src/sync/hub/invites.ts';
import { openMembers } from '../../../src/sync/hub/members.ts';
import { openPresence } from '../../../src/sync/hub/presence.ts';
import { ChangedMeanwhile, openMaskedStore } from '../../../src/sync/hub/masked-store.ts';
import { recordAnswer } from '../../../src/sync/hub/project-answers.ts';
import { openRelay } from '../../../src/sync/hub/relay.ts';
import { openTrunkStore } from '../../../src/sync/hub/trunk-store.ts';
import { projectHashOf } from '../../../src/sync/hub/current-project.ts';
import { parseInvite } from '../../../src/sync/protocol/invite-link.ts';
import { practiceProject, until, weightsOf } from './federation-fixture.ts';
import { type PostgresCluster, postgresMissing, startPostgres } from './postgres-cluster.ts';

const hubKeys = createDeviceKeys();
const project = practiceProject({ commits: 3 });
const projectHash = projectHashOf(project);
const at = '2026-01-01T00:00:00.000Z';

let cluster: PostgresCluster | null = null;
const folders: string[] = [];
const databases: HubDatabase[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-store-'));
  folders.push(folder);
  return folder;
};
const open = async (place: string): Promise<HubDatabase> => {
  const db = await openHubDatabase(place, { mustExist: false, leaseMs: 1_500 });
  databases.push(db);
  return db;
};
afterEach(async () => {
  for (const db of databases.splice(0)) await db.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => cluster?.close());

const cardOf = (site: string, keys: DeviceKeys): Signed =>
  signStatement('site-card', { site, publicKey: keys.publicKey, boxPublicKey: keys.boxPublicKey }, keys);
const kinds = [
  { kind: 'SQLite', missing: null, newPlace: async () => newFolder() },
  { kind: 'PostgreSQL', missing: postgresMissing, newPlace: () => cluster!.newDatabase() },
];
const trunkOf = (version: number, blob: string, updates: readonly string[] = []) => {
  const statement: TrunkStatement = {
    project: project.id,
    projectHash,
    version,
    blob,
    bytes: 8,
    parent: null,
    updates: [...updates],
    committedAt: at,
  };
  return { statement, signed: signStatement('trunk', statement, hubKeys) };
};

describe.each(kinds)('the hub’s database: $kind', ({ kind, missing, newPlace }) => {
  beforeEach((context) => context.skip(missing !== null, missing ?? ''));
  beforeAll(async () => {
    if (kind === 'PostgreSQL' && missing === null) cluster = await startPostgres();
  }, 120_000);

  /** A database with a member, a project at version 0, and a blob folder. */
  const federation = async () => {
    const place = await newPlace();
    const db = await open(place);
    const blobs = openBlobFolder(newFolder(), { isShared: db.isShared });
    await writeSetting(db, 'url', 'ws://127.0.0.1:1');
    await writeSetting(db, 'fingerprint', hubKeys.fingerprint);
    await writeSetting(db, 'federation', 'North');
    const { enter } = openHubLedger(db, null, Date.now);
    const members = openMembers(db, enter, Date.now);
    const keys = createDeviceKeys();
    const card = cardOf('Lyon', keys);
    const inviteCode = parseInvite(await createInvite(db, enter, {}, Date.now())).code;
    const request = { card, publicKey: keys.publicKey, inviteCode, lastModelSequence: 0, address: null };
    const site = await members.admit(request);
    const store = openTrunkStore(db, blobs, enter);
    const first = blobs.put(weightsOf(0));
    await store.setProject(project, trunkOf(0, first), at);
    const update = (key: string, value: number) => {
      const bytes = weightsOf(value);
      const statement = {
        project: project.id,
        projectHash,
        baseVersion: 0,
        blob: blobs.put(bytes),
        bytes: bytes.byteLength,
        examples: 10,
        loss: 0.5,
        datasetFingerprint: 'f'.repeat(64),
        idempotencyKey: key.repeat(64),
      };
      const receipt = signStatement(
        'receipt',
        {
          idempotencyKey: statement.idempotencyKey,
          blob: statement.blob,
          site: site.fingerprint,
          project: project.id,
          stalenessCommits: 0,
          acceptedAt: at,
        },
        hubKeys,
      );
      return {
        update: statement,
        signed: signStatement('update', statement, keys),
        site: site.fingerprint,
        receipt,
        acceptedAt: at,
      };
    };
    return { enter, place, db, blobs, members, store, site, keys, request, update, first };
  };

  it('keeps what was written when it is opened anew, and refuses what a newer version wrote', async () => {
    const { enter, place, db, store } = await federation();
    await db.close();
    databases.splice(databases.indexOf(db), 1);
    const again = await open(place);
    expect(await readSetting(again, 'federation')).toBe('North');
    expect(await openTrunkStore(again, openBlobFolder(newFolder()), enter).current()).toMatchObject({
      projectHash,
      isFinished: false,
      trunk: { version: 0 },
    });
    expect(store).toBeDefined();
    if (again.isShared) await again.run('UPDATE schemaVersion SET version = 999');
    else await again.run('PRAGMA user_version = 999');
    await expect(openHubDatabase(place, { mustExist: false })).rejects.toMatchObject({ code: 525 });
  });

  it('that must exist and does not is said, and none is made', async () => {
    const place = await newPlace();
    const code = kind === 'SQLite' ? 522 : 543;
    await expect(createInviteIn(place)).rejects.toMatchObject({ code });
    await expect(openHubDatabase(place, { mustExist: true })).rejects.toMatchObject({ code });
    if (kind !== 'SQLite') return;
    // As the data folder of a hub process whose rows lie in PostgreSQL.
    lockHubFolder(place).release();
    const message = expect.stringContaining('keeps its rows in PostgreSQL');
    await expect(openHubDatabase(place, { mustExist: true })).rejects.toMatchObject({ code, message });
  });

  it('does all of a transaction or nothing, and nothing of another one meanwhile', async () => {
    const db = await open(await newPlace());
    await writeSetting(db, 'count', '0');
    await expect(
      db.transaction(async (tx) => {
        await writeSetting(tx, 'count', '100');
        throw new Error('broken off');
      }),
    ).rejects.toThrow('broken off');
    const raise = () =>
      db.transaction(async (tx) => {
        await writeSetting(tx, 'count', String(Number(await readSetting(tx, 'count')) + 1));
      });
    await Promise.all([...Array.from({ length: 25 }, raise), readSetting(db, 'count')]);
    expect(await readSetting(db, 'count')).toBe('25');
  });

  it('gives a turn to one at a time, and to the next when it ends', async () => {
    const db = await open(await newPlace());
    const turn = await db.turn('a');
    expect(turn).not.toBeNull();
    expect(await db.turn('a')).toBeNull();
    const other = await db.turn('b');
    expect(other).not.toBeNull();
    await turn!.end();
    const next = await db.turn('a');
    expect(next).not.toBeNull();
    await next!.end();
    await other!.end();
  });

  it('lets a site in by an invite once, and knows it and its standing', async () => {
    const { enter, db, members, site, request } = await federation();
    expect(await members.admit(request)).toEqual(site);
    const stranger = createDeviceKeys();
    const asStranger = { ...request, card: cardOf('Oslo', stranger), publicKey: stranger.publicKey };
    await expect(members.admit(asStranger)).rejects.toMatchObject({ code: 502 });
    const namesake = {
      ...asStranger,
      card: cardOf('Lyon', stranger),
      inviteCode: parseInvite(await createInvite(db, enter, {}, Date.now())).code,
    };
    await expect(members.admit(namesake)).rejects.toMatchObject({ code: 503 });
    await members.seen(site.fingerprint);
    expect(await members.list(new Set([site.fingerprint]))).toMatchObject([
      { site: 'Lyon', online: true, updates: 0, lastSeen: expect.any(String) },
    ]);
    expect(await members.one(site.fingerprint, false)).toMatchObject({ online: false });
    expect(await members.end('Lyon', { kind: 'revoked', because: 'stolen' })).toBe(site.fingerprint);
    expect(await members.isMember(site.fingerprint)).toBe(false);
    expect(await members.end('Lyon', { kind: 'revoked', because: 'stolen' })).toBeNull();
    await expect(members.admit({ ...request, inviteCode: null })).rejects.toMatchObject({ code: 505 });
    expect(await members.everyone()).toMatchObject([{ site: 'Lyon', state: 'revoked', because: 'stolen' }]);
  });

  it('counts an update once, however often and wherever it is accepted', async () => {
    const { enter, place, blobs, store, update, site } = await federation();
    const other = openTrunkStore(kind === 'SQLite' ? databases[0]! : await open(place), blobs, enter);
    const offered = update('a', 1);
    const answers = await Promise.all([
      store.acceptUpdate(offered),
      other.acceptUpdate(offered),
      store.acceptUpdate(offered),
    ]);
    expect(answers.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ receipt }) => receipt.signature)).size).toBe(1);
    expect(await store.acceptedUpdates()).toBe(1);
    expect(await store.waiting(projectHash, site.fingerprint)).toBe(1);
    expect(await store.buffered(projectHash)).toMatchObject([
      { idempotencyKey: 'a'.repeat(64), examples: 10, baseVersion: 0 },
    ]);
    blobs.remove(update('b', 2).update.blob);
    const lost = update('b', 2);
    blobs.remove(lost.update.blob);
    await expect(store.acceptUpdate(lost)).rejects.toMatchObject({ code: 514 });
  });

  it('takes nothing of a site or for a project that ended while its update was checked', async () => {
    const { enter, db, members, store, site, update, keys } = await federation();
    const offered = update('a', 1);
    const answer = (said: 'approved' | 'declined') => {
      const statement = { project: project.id, projectHash, answer: said, because: null, datasetFingerprint: null };
      const signed = signStatement('project-answer', { ...statement, answeredAt: at }, keys);
      return recordAnswer(db, enter, site, signed);
    };
    await answer('declined');
    await expect(store.acceptUpdate(offered)).rejects.toMatchObject({ code: 528 });
    expect(await store.takesPart(projectHash, site.fingerprint)).toBe(false);
    await answer('approved');
    await db.run('UPDATE projects SET retiredBecause = ?', 'the study ended');
    await expect(store.acceptUpdate(offered)).rejects.toMatchObject({ code: 512 });
    await db.run('UPDATE projects SET retiredBecause = NULL');
    await store.acceptUpdate(offered);
    await members.end('Lyon', { kind: 'revoked', because: 'stolen' });
    // One that is known already has its receipt.
    expect(await store.acceptUpdate(offered)).toMatchObject({ isDuplicate: true });
    await expect(store.acceptUpdate(update('b', 2))).rejects.toMatchObject({ code: 504, retry: 'never' });
    expect(await store.buffered(projectHash)).toEqual([]);
    expect(await store.acceptedUpdates()).toBe(1);
  });

  it('takes no masked update of a site that takes no part any more', async () => {
    const { db, blobs, members, site, keys } = await federation();
    const store = openMaskedStore(db, blobs);
    const sign = (text: string): Signed => ({ statement: text, signature: 'A'.repeat(86) });
    const offer = { site: site.fingerprint, name: 'Lyon', publicKey: keys.publicKey, offer: sign('offer') };
    await store.putOffer(projectHash, offer, at, null);
    const empty = { step: 'masking' as const, stepEndsAt: 1, dealt: {}, unmasking: null, revealed: {} };
    const revision = await store.begin(projectHash, { ...empty, roster: sign('roster'), members: [offer] }, 0);
    await members.end('Lyon', { kind: 'expelled', because: 'the agreement ended' });
    const late = { site: site.fingerprint, blob: blobs.put(weightsOf(5)), update: sign('update') };
    await expect(store.addUpdate(projectHash, revision, late)).rejects.toMatchObject({ code: 504 });
    expect(await store.updates(projectHash)).toEqual([]);
  });

  it('discards with the last commit what still waits, and says so', async () => {
    const { db, blobs, store, update } = await federation();
    for (const key of ['a', 'b', 'c']) await store.acceptUpdate(update(key, key.charCodeAt(0)));
    const turn = (await store.beginAggregation(projectHash))!;
    const last = trunkOf(1, blobs.put(weightsOf(1.5)), ['a'.repeat(64)]);
    await store.commit({ ...last, optimizerBlob: null, isLast: true, epoch: turn.epoch });
    await turn.end();
    expect(await store.buffered(projectHash)).toEqual([]);
    const discarded = await openHubLedger(db, null, Date.now).entries(9, ({ act }) => act === 'updates-discarded');
    expect(discarded).toMatchObject([{ detail: { projectHash, updates: 2 } }]);
    await expect(store.acceptUpdate(update('d', 9))).rejects.toMatchObject({ code: 512 });
  });

  it('counts no updates of a revoked site that were thrown away with it', async () => {
    const { members, store, update } = await federation();
    await store.acceptUpdate(update('a', 1));
    const updatesOf = async (): Promise<number[]> => (await members.everyone()).map(({ updates }) => updates);
    expect(await updatesOf()).toEqual([1]);
    await members.end('Lyon', { kind: 'revoked', because: 'stolen' });
    expect(await updatesOf()).toEqual([0]);
  });

  it('commits all of a version or nothing: not twice, not with a counted update, not out of turn', async () => {
    const { blobs, store, update, first } = await federation();
    for (const [key, value] of [
      ['a', 1],
      ['b', 2],
    ] as const)
      await store.acceptUpdate(update(key, value));
    const [one, two] = [blobs.put(weightsOf(1.5)), blobs.put(weightsOf(2))];
    const keys = ['a'.repeat(64), 'b'.repeat(64)];
    const aggregation = (await store.beginAggregation(projectHash))!;
    expect(await store.beginAggregation(projectHash)).toBeNull();
    await aggregation.end();
    const later = (await store.beginAggregation(projectHash))!;
    expect(later.epoch).toBeGreaterThan(aggregation.epoch);
    const next = { ...trunkOf(1, one, keys), optimizerBlob: one, isLast: false };
    await expect(store.commit({ ...next, epoch: aggregation.epoch })).rejects.toMatchObject({ code: 542 });
    expect(await store.current()).toMatchObject({ trunk: { version: 0 }, optimizerBlob: null });
    await store.commit({ ...next, epoch: later.epoch });
    await expect(store.commit({ ...next, epoch: later.epoch })).rejects.toThrow(/unique|twice/i);
    const again = { ...trunkOf(2, two, [keys[0]!]), optimizerBlob: null, isLast: false, epoch: later.epoch };
    await expect(store.commit(again)).rejects.toThrow('twice');
    expect(await store.current()).toMatchObject({
      trunk: { version: 1, blob: one },
      optimizerBlob: one,
      isFinished: false,
    });
    expect(await store.buffered(projectHash)).toEqual([]);
    await store.commit({ ...trunkOf(2, two), optimizerBlob: null, isLast: true, epoch: later.epoch });
    expect(await store.current()).toMatchObject({ trunk: { version: 2 }, isFinished: true, optimizerBlob: null });
    expect((await store.trunksAfter(projectHash, 0)).map(({ statement }) => JSON.parse(statement).version)).toEqual([
      1, 2,
    ]);
    expect(await store.trunkBlob(projectHash, 0)).toBe(first);
    expect(await store.trunkBlob(projectHash, 9)).toBeNull();
    expect(await store.isTrunkBlob(two)).toBe(true);
    await later.end();
  });

  it('throws away only bytes that nothing needs', async () => {
    const { blobs, store, update, first } = await federation();
    const accepted = update('a', 1);
    await store.acceptUpdate(accepted);
    const unneeded = blobs.put(weightsOf(9));
    expect(await store.dropBlob(first)).toBe(false);
    expect(await store.dropBlob(accepted.update.blob)).toBe(false);
    expect(await store.dropBlob(unneeded)).toBe(true);
    expect([first, accepted.update.blob, unneeded].map((hash) => blobs.has(hash))).toEqual([true, true, false]);
  });

  it('goes on with a project that it knows', async () => {
    const { store, first } = await federation();
    const second = practiceProject({ id: 'second' });
    const statement = { ...trunkOf(0, first).statement, project: 'second', projectHash: projectHashOf(second) };
    await store.setProject(second, { statement, signed: signStatement('trunk', statement, hubKeys) }, at);
    expect(await store.current()).toMatchObject({ projectHash: projectHashOf(second) });
    // As when two hubs begin it at once.
    await store.setProject(second, { statement, signed: signStatement('trunk', statement, hubKeys) }, at);
    expect(await store.knownProject(project)).toBe(projectHash);
    await store.selectProject(projectHash);
    expect(await store.current()).toMatchObject({ projectHash });
  });

  it('relays a model to its recipients in order, each once, and one that is published anew', async () => {
    const { enter, db, blobs, members, store, site, keys, first: firstTrunk } = await federation();
    const relay = openRelay({ db, blobs, members, store, enter });
    const publish = (value: number, changes: Partial<StatementOf<'model'>> = {}) => {
      const sealed = weightsOf(value);
      const sealedBlob = blobs.put(sealed);
      const model = signStatement(
        'model',
        {
          model: sealedBlob,
          project: project.id,
          projectHash,
          author: site.fingerprint,
          site: 'Lyon',
          network: 'one-layer',
          parents: [],
          branch: 'local-only',
          sequence: 0,
          turn: null,
          definition: null,
          normalisation: null,
          datasetFingerprint: 'f'.repeat(64),
          examples: 10,
          metrics: { auc: null, accuracy: null, loss: 1 },
          sealedBlob,
          sealedBytes: sealed.byteLength,
          ...changes,
        },
        keys,
      );
      return { sealedBlob, model };
    };
    const one = publish(3);
    const envelopes = [
      { recipient: site.fingerprint, sealedKey: 'key' },
      { recipient: '0'.repeat(64), sealedKey: 'key' },
    ];
    expect(await relay.publish(site, one.model, envelopes)).toEqual([site.fingerprint]);
    expect(await relay.publish(site, one.model, envelopes)).toEqual([]);
    const [first] = await relay.availableTo(site.fingerprint, 0);
    expect(first).toMatchObject({ kind: 'model-available', sealedKey: 'key', model: one.model });
    expect(await relay.availableTo(site.fingerprint, first!.sequence)).toEqual([]);
    expect(await relay.mayFetch(site.fingerprint, one.sealedBlob)).toBe(true);
    const two = publish(4);
    await relay.publish(site, two.model, envelopes);
    expect(await relay.availableTo(site.fingerprint, first!.sequence)).toMatchObject([{ model: two.model }]);
    expect(await relay.mayFetch(site.fingerprint, one.sealedBlob)).toBe(false);
    expect(blobs.has(one.sealedBlob)).toBe(false);

    // The same weights once more, sealed with another key: its statement, bytes and keys take the place of those that nobody can use.
    const lastSequence = async (): Promise<number> => (await relay.availableTo(site.fingerprint, 0))[0]!.sequence;
    const again = publish(5, { model: two.sealedBlob, sequence: 2 });
    const before = await lastSequence();
    expect(await relay.publish(site, again.model, envelopes)).toEqual([site.fingerprint]);
    expect(await relay.availableTo(site.fingerprint, before)).toMatchObject([{ model: again.model }]);
    expect([two.sealedBlob, again.sealedBlob].map((hash) => blobs.has(hash))).toEqual([false, true]);
    // An older word on the branch changes nothing.
    const older = publish(6, { sequence: 1 });
    expect(await relay.publish(site, older.model, envelopes)).toEqual([]);
    expect(await relay.availableTo(site.fingerprint, 0)).toMatchObject([{ model: again.model }]);
    expect(blobs.has(older.sealedBlob)).toBe(false);

    // In another project the same model is another publication; what stood in the former one goes.
    const second = practiceProject({ id: 'second' });
    const statement = { ...trunkOf(0, firstTrunk).statement, project: 'second', projectHash: projectHashOf(second) };
    await store.setProject(second, { statement, signed: signStatement('trunk', statement, hubKeys) }, at);
    const moved = publish(7, {
      model: two.sealedBlob,
      project: 'second',
      projectHash: projectHashOf(second),
      sequence: 3,
    });
    expect(await relay.publish(site, moved.model, envelopes)).toEqual([site.fingerprint]);
    expect(await relay.availableTo(site.fingerprint, 0)).toMatchObject([{ model: moved.model }]);
    expect(blobs.has(again.sealedBlob)).toBe(false);
    await members.end('Lyon', { kind: 'revoked', because: 'stolen' });
    await expect(relay.publish(site, publish(8).model, envelopes)).rejects.toMatchObject({ code: 511 });
    const late = publish(8, { project: 'second', projectHash: projectHashOf(second), sequence: 4 });
    await expect(relay.publish(site, late.model, envelopes)).rejects.toMatchObject({ code: 504 });
  });

  it('changes a masked buffer for whoever saw it as it stands, and for nobody else', async () => {
    const { db, blobs, site, keys } = await federation();
    const store = openMaskedStore(db, blobs);
    const sign = (text: string): Signed => ({ statement: text, signature: 'A'.repeat(86) });
    const offer = { site: site.fingerprint, name: 'Lyon', publicKey: keys.publicKey, offer: sign('offer') };
    await store.putOffer(projectHash, offer, at, null);
    const empty = { step: 'sharing' as const, stepEndsAt: 1, dealt: {}, unmasking: null, revealed: {} };
    const begun = { ...empty, roster: sign('roster'), members: [offer] };
    const otherOffer = { ...begun, members: [{ ...offer, offer: sign('another') }] };
    await expect(store.begin(projectHash, otherOffer, 0)).rejects.toBeInstanceOf(ChangedMeanwhile);
    await expect(store.begin(projectHash, begun, 1)).rejects.toBeInstanceOf(ChangedMeanwhile);
    const first = await store.begin(projectHash, begun, 0);
    expect(await store.offers(projectHash)).toEqual([]);
    await expect(store.begin(projectHash, begun, 0)).rejects.toBeInstanceOf(ChangedMeanwhile);
    await expect(store.putOffer(projectHash, offer, at, null)).rejects.toBeInstanceOf(ChangedMeanwhile);

    const standing = (await store.open(projectHash))!;
    expect(standing).toEqual({ ...begun, revision: first });
    const second = await store.save(projectHash, { ...standing, step: 'masking' }, true);
    await expect(store.save(projectHash, standing, true)).rejects.toBeInstanceOf(ChangedMeanwhile);
    const update = { site: site.fingerprint, blob: blobs.put(weightsOf(5)), update: sign('update') };
    await expect(store.addUpdate(projectHash, first, update)).rejects.toBeInstanceOf(ChangedMeanwhile);
    const added = await store.addUpdate(projectHash, second, update);
    expect(added.arrived).toBe(1);
    await expect(store.end(projectHash, { name: 'a', seen: second, fault: null })).rejects.toBeInstanceOf(
      ChangedMeanwhile,
    );
    expect(await store.updates(projectHash)).toHaveLength(1);
    await store.end(projectHash, { name: 'a', seen: added.revision, fault: null });
    expect(await store.open(projectHash)).toBeNull();
    expect(await store.updates(projectHash)).toEqual([]);
  });

  it('tells of what other processes did, in order, and of nothing that was undone', async () => {
    const place = await newPlace();
    const [db, other] = [await open(place), await open(place)];
    const heard: HubEvent[] = [];
    const end = await followEvents(
      db,
      async (event) => void heard.push(event),
      (thrown) => expect.unreachable(String(thrown)),
    );
    for (const subject of ['one', 'two']) await other.transaction((tx) => recordEvent(tx, 'update-accepted', subject));
    await other
      .transaction(async (tx) => {
        await recordEvent(tx, 'update-accepted', 'undone');
        throw new Error('undone');
      })
      .catch(() => {});
    await other.transaction((tx) => recordEvent(tx, 'member-changed', 'three'));
    await until('all are heard', () => heard.length >= 3);
    await end();
    expect(heard).toEqual([
      { kind: 'update-accepted', subject: 'one', detail: null, isOwn: false },
      { kind: 'update-accepted', subject: 'two', detail: null, isOwn: false },
      { kind: 'member-changed', subject: 'three', detail: null, isOwn: false },
    ]);
  });

  it('gives an event again that could not be taken, though nothing else happens', async () => {
    const place = await newPlace();
    const [db, other] = [await open(place), await open(place)];
    const tries: string[] = [];
    const failures: unknown[] = [];
    const end = await followEvents(
      db,
      async ({ subject }) => {
        tries.push(subject);
        if (tries.length === 1) throw new Error('the disk is away');
      },
      (thrown) => void failures.push(thrown),
    );
    await other.transaction((tx) => recordEvent(tx, 'member-changed', 'one'));
    await until('it is given again', () => tries.length === 2);
    await end();
    expect(tries).toEqual(['one', 'one']);
    expect(failures).toHaveLength(1);
  });
});

describe('who is connected to which of several hubs', () => {
  beforeEach((context) => context.skip(postgresMissing !== null, postgresMissing ?? ''));

  it('is the newest connection; of a hub that died, nothing; and one that only seemed dead says it anew', async () => {
    const own = await startPostgres();
    try {
      const place = await own.newDatabase();
      const [a, b] = [await open(place), await open(place)];
      const { enter } = openHubLedger(a, null, Date.now);
      await writeSetting(a, 'url', 'ws://127.0.0.1:1');
      await writeSetting(a, 'fingerprint', hubKeys.fingerprint);
      await writeSetting(a, 'federation', 'North');
      const keys = createDeviceKeys();
      const { fingerprint } = await openMembers(a, enter, Date.now).admit({
        card: cardOf('Lyon', keys),
        publicKey: keys.publicKey,
        inviteCode: parseInvite(await createInvite(a, enter, {}, Date.now())).code,
        lastModelSequence: 0,
        address: null,
      });
      const unexpected = (thrown: unknown): void => expect.unreachable(String(thrown));
      const atA = await openPresence(a, () => new Set([fingerprint]), unexpected);
      expect([...(await atA.online())]).toEqual([fingerprint]);
      const atB = await openPresence(b, () => new Set(), unexpected);
      expect(await atB.isElsewhere(fingerprint)).toBe(true);
      await atB.arrived(fingerprint);
      expect(await atA.isElsewhere(fingerprint)).toBe(true);
      // What the older connection's end says is about itself only.
      await atA.departed(fingerprint);
      expect((await atA.online()).has(fingerprint)).toBe(true);
      await atB.close();
      expect((await atA.online()).size).toBe(0);
      await atA.arrived(fingerprint);
      // A minute later, without a sign of life from the first.
      let ahead = 60_000;
      const later: HubDatabase = { ...b, process: 'later', now: async () => (await b.now()) + ahead };
      const atC = await openPresence(later, () => new Set(), unexpected);
      expect((await atC.online()).size).toBe(0);
      // Else each would go on taking the other for dead, and whether that shows were a matter of their timers.
      ahead = 0;
      await until('the first says anew who is connected to it', async () => (await atA.online()).has(fingerprint));
      for (const presence of [atA, atC]) await presence.close();
    } finally {
      for (const db of databases.splice(0)) await db.close();
      await own.close();
    }
  }, 120_000);
});
