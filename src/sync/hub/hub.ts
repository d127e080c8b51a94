// The hub: one port for sites (WebSocket) and health (HTTP), one folder for everything it must remember.
// Wiring only: the door, the sessions behind it, members, the trunk, and the models' relay.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Fault, faultValueOf } from '../../contract/fault.ts';
import { listenReason } from '../../contract/system-reason.ts';
import { openBlobHashThread } from './blob-hash-thread.ts';
import { openBlobFolder } from '../protocol/blob-folder.ts';
import { checkPortIsFree, openDoor } from '../protocol/door.ts';
import { hubKeptBytes, keepFreedMemory } from '../protocol/freed-memory.ts';
import { begunHere, begunInRows } from './begun-blobs.ts';
import { openBlobVolume } from './blob-volume.ts';
import { openCertificates } from './certificates.ts';
import { hubConsole } from './console/hub-console.ts';
import { hubFault } from './faults.ts';
import { followEvents } from './event-log.ts';
import { type HubDatabase, openHubDatabase, readSetting, writeSetting } from './hub-database.ts';
import { hubLockName, lockHubFolder } from './hub-folder-lock.ts';
import { createHubServer, type HttpPart } from './hub-http.ts';
import { hubKeysOf } from './hub-keys.ts';
import { hubSeal, openHubLedger } from './hub-ledger.ts';
import type { Hub, HubOrder } from './hub-order.ts';
import { openHubSessions } from './hub-sessions.ts';
import { hubStatus } from './hub-status.ts';
import { sweepNowAndThen } from './hub-sweep.ts';
import { openHubTelling } from './hub-telling.ts';
import { createInvite } from './invites.ts';
import { openMembers } from './members.ts';
import { openMaskedBuffers } from './masked-buffers.ts';
import { openMaskedStore } from './masked-store.ts';
import { openPresence } from './presence.ts';
import { exchangeHeads } from './ledger-heads.ts';
import { openLedgerWatch } from './ledger-watch.ts';
import { recordAnswer } from './project-answers.ts';
import { checkPublicUrl } from './public-url.ts';
import { openRelay } from './relay.ts';
import { openToldAddresses } from './told-addresses.ts';
import { takenEvents } from './taken-events.ts';
import { openTrunkStore } from './trunk-store.ts';
import { recordTurnsDone } from './turns-done.ts';
import { openTrunk, type Trunk } from './trunk.ts';
import { unusableProject } from './unusable-project.ts';
import { openCondition, watchPart } from './watch-part.ts';

export type { HubNews } from './hub-news.ts';
export type { Hub, HubOrder } from './hub-order.ts';

const ownHost = '127.0.0.1';
/** Connections that have not said who they are yet. */
const maxStrangers = 256;

/** @throws Fault 520 when a hub already runs on the folder, 521 when the port is taken, 526 for an unusable public address. */
export async function openHub(order: HubOrder): Promise<Hub> {
  keepFreedMemory(hubKeptBytes);
  // What is refused leaves no folder, keys and database behind.
  if (order.publicUrl !== undefined) checkPublicUrl(order.publicUrl);
  const [problem] = order.project === undefined ? [] : unusableProject(order.project);
  if (problem !== undefined) throw hubFault.unusableProject(problem.message);
  const checkPort = (): Promise<void> => checkPortIsFree(order.port, order.host ?? ownHost, cannotListen);
  // Who starts a hub a second time hears of the folder, not of its port: another port would not help.
  const wasHere = existsSync(path.join(order.folder, hubLockName));
  if (!wasHere) await checkPort();
  const lock = lockHubFolder(order.folder);
  try {
    if (wasHere) await checkPort();
    return await openLockedHub(order, lock);
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

async function openLockedHub(order: HubOrder, lock: { release(): void }): Promise<Hub> {
  const db = await openHubDatabase(order.postgres ?? order.folder, { mustExist: false, leaseMs: order.leaseMs });
  try {
    return await openHubOn(db, order, lock);
  } catch (thrown) {
    await db.close();
    throw thrown;
  }
}

async function openHubOn(db: HubDatabase, order: HubOrder, lock: { release(): void }): Promise<Hub> {
  const clock = order.clock ?? Date.now;
  const keys = await hubKeysOf(order.folder, db);
  const blobsFolder = order.blobs ?? path.join(order.folder, 'blobs');
  const hashes = openBlobHashThread();
  const blobs = openBlobFolder(blobsFolder, { isShared: db.isShared, openHash: hashes.openHash });
  const federation = order.federation ?? (await readSetting(db, 'federation')) ?? 'ImagiQ';
  const ledger = openHubLedger(db, hubSeal(keys), clock);
  const { enter } = ledger;
  const store = openTrunkStore(db, blobs, enter);
  const members = openMembers(db, enter, clock);
  const relay = openRelay({ db, blobs, members, store, enter });
  const telling = openHubTelling(clock, order.onNews);
  const { tell, metrics, health } = telling;
  const begun = db.isShared ? begunInRows(db) : begunHere();
  const sessions = openHubSessions({
    blobs,
    begun,
    keys,
    federation,
    members,
    presence: () => presence,
    relay,
    store,
    addresses: openToldAddresses(db, keys.fingerprint),
    certificates: openCertificates({ keys, days: order.certificateDays, clock }),
    ledger,
    exchangeHeads: (site, said) =>
      exchangeHeads({ db, ledger, keys, now: new Date(clock()).toISOString() }, site, said),
    recordAnswer: async (site, signed) => {
      const answer = await recordAnswer(db, enter, site, signed);
      sessions.memberChanged(site.fingerprint);
      await masked.siteChanged(site.fingerprint);
      return answer;
    },
    recordTurnsDone: async (site, signed) => {
      if (await recordTurnsDone(db, enter, site, signed)) await trunk.finishTurns();
    },
    trunk: () => trunk,
    masked: () => masked,
    clock,
    pingMs: order.pingMs,
    tell,
    onTraffic: metrics.traffic,
  });
  const failed = (site: string) => (thrown: unknown) => tell({ kind: 'failed', site, fault: faultValueOf(thrown) });
  const trunk: Trunk = openTrunk({
    store,
    isShared: db.isShared,
    blobs,
    keys,
    clock,
    onStep: order.onStep ?? (() => {}),
    onRetired: () => void announceProject().catch(failed('the end of the project')),
    onCommitFailed: (thrown) => tell({ kind: 'commit-failed', fault: faultValueOf(thrown) }),
    onUpdateLost: (site, because) => tell({ kind: 'update-lost', site, because }),
    onDiscarded: (site) => void sessions.tellDiscards(site).catch(failed('the updates that are never counted')),
    onCommit(statement, signed, isFinished) {
      sessions.announceTrunk(statement.projectHash, signed, isFinished);
      tell({ kind: 'trunk-committed', version: statement.version, updates: statement.updates.length, isFinished });
    },
  });
  const masked = openMaskedBuffers({
    store: openMaskedStore(db, blobs),
    trunk,
    blobs,
    keys,
    clock,
    takesPart: store.takesPart,
    online: () => presence.online(),
    here: sessions.here,
    say: sessions.say,
    tellMembers: sessions.tellMembers,
    memberChanged: sessions.memberChanged,
    tell,
    onStep: order.onStep ?? (() => {}),
  });
  /** Another project, or the end of the present one, is told to the sites that are connected here. */
  const announceProject = async (): Promise<void> => {
    await sessions.announceProject();
    const current = await trunk.current();
    if (current === null) return;
    tell({ kind: 'project-changed', project: current.project.id, isFinished: current.isFinished });
  };
  const presence = await openPresence(db, sessions.here, failed('who is connected'));
  const online = presence.online;
  const volume = openBlobVolume(blobsFolder);
  const condition = openCondition({ store, members, online, volume, health, metrics });
  const parts: HttpPart[] = [watchPart({ federation, condition, metrics })];
  const server = createHubServer({
    parts,
    tls: order.tls,
    onFailed: (thrown) => tell({ kind: 'failed', site: 'an HTTP request', fault: faultValueOf(thrown) }),
  });
  const door = openDoor({
    server,
    maxStrangers,
    welcome: sessions.welcome,
    cannotListen,
  });
  const take = takenEvents({ isShared: db.isShared, sessions, trunk, masked, announceProject });
  const ledgerWatch = openLedgerWatch({ db, ledger, tell });
  let endSweeping = (): void => {};
  let endFollowing: (() => Promise<void>) | undefined;
  const close = async (): Promise<void> => {
    endSweeping();
    await endFollowing?.();
    await sessions.close();
    telling.close();
    door.close();
    await masked.close();
    await trunk.close();
    await ledgerWatch.close();
    await presence.close();
    await blobs.close();
    await hashes.close();
  };
  try {
    const port = await door.open(order.port, order.host ?? ownHost);
    const url = order.publicUrl ?? `${order.tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}`;
    await writeSetting(db, 'url', url);
    await writeSetting(db, 'federation', federation);
    await ledger.append('hub-started', { federation, url, device: keys.fingerprint });
    ledgerWatch.start();
    endFollowing = await followEvents(db, take, failed('what other processes changed'));
    await trunk.resume();
    await masked.resume();
    endSweeping = await sweepNowAndThen({
      sweep: () => trunk.sweep(),
      db,
      begun,
      clock,
      tell,
    });
    const endMembership: Hub['endMembership'] = async (site, end) => {
      const fingerprint = await members.end(site, end);
      if (fingerprint === null) return false;
      await sessions.dismissFormerMembers();
      await masked.siteChanged(fingerprint);
      return true;
    };
    const projectChanged = async (): Promise<void> => {
      await announceProject();
      await trunk.resume();
      await masked.resume();
    };
    const setProject: Hub['setProject'] = async (project, initialWeights) => {
      await trunk.setProject(project, initialWeights);
      await projectChanged();
    };
    parts.push(
      hubConsole({
        place: order.postgres === undefined ? `--data "${path.resolve(order.folder)}"` : '--postgres ADDRESS',
        networks: order.networks ?? null,
        federation,
        url,
        fingerprint: keys.fingerprint,
        db,
        clock,
        store,
        blobs,
        members,
        ledger,
        telling,
        condition,
        online,
        endMembership,
        setProject,
        projectChanged,
      }),
    );
    const hub: Hub = {
      url,
      port,
      fingerprint: keys.fingerprint,
      server,
      createInvite: (invite = {}) => createInvite(db, enter, invite, clock()),
      status: () =>
        hubStatus({
          federation,
          url,
          fingerprint: keys.fingerprint,
          trunk,
          store,
          members,
          online: presence.online,
          refusedUpdates: telling.refusedUpdates,
        }),
      setProject,
      async trunkWeights() {
        const current = await trunk.current();
        return current === null ? null : blobs.read(current.trunk.blob);
      },
      endMembership,
      watch: telling.watch,
      async close() {
        await close();
        await db.close();
        lock.release();
      },
    };
    if (order.project !== undefined && order.initialWeights !== undefined) {
      await hub.setProject(order.project, order.initialWeights);
    }
    return hub;
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

const cannotListen = (code: string, port: number, host: string): Fault =>
  code === 'EADDRINUSE' ? hubFault.portInUse(port) : hubFault.cannotListen(listenReason(code, host, port));
