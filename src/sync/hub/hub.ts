// The hub: one port for sites (WebSocket) and health (HTTP), one folder for everything it must remember.
// Wiring only: admission in members.ts, the trunk in trunk.ts, the models' relay in relay.ts.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { Fault, faultValueOf, type FaultValue } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import { openBlobFolder } from '../protocol/blob-folder.ts';
import { openChannel, closeCodes, type AnswerBody, type Channel } from '../protocol/channel.ts';
import { createDeviceKeys, decodeDeviceKeys, encodeDeviceKeys, type DeviceKeys } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { openFrameQueue } from '../protocol/frame-queue.ts';
import { greetSite } from '../protocol/handshake.ts';
import { wireLimits, wireVersion } from '../protocol/limits.ts';
import { fromSiteSchema, type FromHub, type FromSite } from '../protocol/messages.ts';
import { hubFault } from './faults.ts';
import { lockHubFolder, openHubDatabase, readSetting, writeSetting } from './hub-database.ts';
import { createInvite, type InviteOrder } from './invites.ts';
import { openMembers, type AdmittedSite } from './members.ts';
import { openRelay } from './relay.ts';
import { openTrunkStore } from './trunk-store.ts';
import { checkBlobSize, openTrunk, type HubStep } from './trunk.ts';

export interface HubOrder {
  readonly folder: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly host?: string;
  /** What invites say, when sites reach the hub through a proxy: wss://hub.example.org. */
  readonly publicUrl?: string | undefined;
  /** The federation's name; kept from the first start on unless given again. */
  readonly federation?: string | undefined;
  readonly project?: Project;
  readonly initialWeights?: Uint8Array;
  readonly clock?: () => number;
  readonly pingMs?: number;
  readonly onStep?: (step: HubStep) => void;
}

export interface HubStatus {
  readonly federation: string;
  readonly url: string;
  readonly fingerprint: string;
  readonly project: Project | null;
  readonly trunkVersion: number;
  readonly isFinished: boolean;
  readonly bufferedUpdates: number;
  readonly acceptedUpdates: number;
  readonly refusedUpdates: number;
  readonly members: readonly {
    readonly site: string;
    readonly fingerprint: string;
    readonly online: boolean;
    readonly updates: number;
    readonly lastSeen: string | null;
  }[];
}

/** What happened at the hub, by site name and number only. */
export type HubNews =
  | { readonly kind: 'site-enrolled' | 'site-online' | 'site-offline' | 'site-left'; readonly site: string }
  | { readonly kind: 'site-refused' | 'commit-failed'; readonly fault: FaultValue }
  | { readonly kind: 'update-accepted'; readonly site: string; readonly isDuplicate: boolean }
  | { readonly kind: 'update-refused'; readonly site: string; readonly fault: FaultValue }
  | { readonly kind: 'model-published'; readonly site: string; readonly recipients: number }
  | {
      readonly kind: 'trunk-committed';
      readonly version: number;
      readonly updates: number;
      readonly isFinished: boolean;
    };

export interface Hub {
  /** Where sites reach it, as invites say. */
  readonly url: string;
  readonly port: number;
  /** SHA-256 (hex) of the hub's public key. */
  readonly fingerprint: string;
  createInvite(order?: InviteOrder): string;
  status(): HubStatus;
  setProject(project: Project, initialWeights: Uint8Array): Promise<void>;
  /** The newest trunk as safetensors; null without a project. */
  trunkWeights(): Promise<Uint8Array | null>;
  /** Withdraws a site's membership at once and for good. @returns whether there was such a member. */
  revoke(site: string): boolean;
  /** Calls `listener` with each piece of news; the result ends that. */
  watch(listener: (news: HubNews) => void): () => void;
  close(): Promise<void>;
}

interface Session {
  readonly site: AdmittedSite;
  readonly channel: Channel;
}

/** Connections that have not said who they are yet. */
const maxStrangers = 256;

/** @throws Fault 520 when a hub already runs on the folder, 521 when the port is taken. */
export async function openHub(order: HubOrder): Promise<Hub> {
  const lock = lockHubFolder(order.folder);
  try {
    return await openLockedHub(order, lock);
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

async function openLockedHub(order: HubOrder, lock: { release(): void }): Promise<Hub> {
  const clock = order.clock ?? Date.now;
  const keys = hubKeys(order.folder);
  const db = openHubDatabase(order.folder, { mustExist: false });
  const blobs = openBlobFolder(path.join(order.folder, 'blobs'));
  const federation = order.federation ?? readSetting(db, 'federation') ?? 'ImagiQ';
  const store = openTrunkStore(db);
  const members = openMembers(db, clock);
  const relay = openRelay(db, blobs, members.isMember);
  const sessions = new Map<string, Session>();
  const listeners = new Set<(news: HubNews) => void>();
  let strangers = 0;
  let refusedUpdates = 0;
  let isClosing = false;

  const tell = (news: HubNews): void => {
    for (const listener of listeners) listener(news);
  };
  const broadcast = (message: FromHub): void => {
    for (const { channel } of sessions.values()) channel.send(message);
  };
  const announceMembers = (): void => {
    const list = members.list(new Set(sessions.keys()));
    broadcast({
      kind: 'members-changed',
      members: list.map(({ card, online, updates, lastSeen }) => ({ card, online, updates, lastSeen })),
    });
  };
  const trunk = openTrunk({
    store,
    blobs,
    keys,
    clock,
    onStep: order.onStep ?? (() => {}),
    onCommitFailed: (thrown) => tell({ kind: 'commit-failed', fault: faultValueOf(thrown) }),
    onCommit(statement, signed, isFinished) {
      broadcast({ kind: 'trunk-committed', trunk: signed, isFinished });
      tell({ kind: 'trunk-committed', version: statement.version, updates: statement.updates.length, isFinished });
    },
  });
  const announcedProject = (): FromHub => {
    const current = trunk.current();
    return {
      kind: 'project-announced',
      project: current?.projectText ?? null,
      trunk: current?.signedTrunk ?? null,
      isFinished: current?.isFinished ?? false,
    };
  };

  const receive = async (
    session: () => Session,
    message: Exclude<FromSite, { kind: 'put-begin' | 'put-end' | 'get-begin' | 'chunk-received' } | { re: number }>,
  ): Promise<AnswerBody | null> => {
    const { site, channel } = session();
    if (!members.isMember(site.fingerprint)) throw hubFault.notMember();
    switch (message.kind) {
      case 'update-offered':
        try {
          const { receipt, isDuplicate } = await trunk.accept(site, message.update);
          tell({ kind: 'update-accepted', site: site.site, isDuplicate });
          announceMembers();
          return { kind: 'update-accepted', receipt, isDuplicate };
        } catch (thrown) {
          if (thrown instanceof Fault) {
            refusedUpdates += 1;
            tell({ kind: 'update-refused', site: site.site, fault: thrown.toValue() });
          }
          throw thrown;
        }
      case 'model-published': {
        const recipients = relay.publish(site, message.model, message.envelopes);
        for (const recipient of recipients) {
          const peer = sessions.get(recipient);
          // Only the newest is new: earlier ones were sent when they came, or at the peer's welcome.
          const newest = relay.availableTo(recipient, 0).at(-1);
          if (peer !== undefined && newest !== undefined) peer.channel.send(newest);
        }
        tell({ kind: 'model-published', site: site.site, recipients: recipients.length });
        return { kind: 'model-relayed' };
      }
      case 'leave':
        members.leave(site.fingerprint);
        tell({ kind: 'site-left', site: site.site });
        setImmediate(() => {
          channel.close(closeCodes.left, 'the site left the federation');
          announceMembers();
        });
        return { kind: 'left' };
    }
  };

  const welcome = async (socket: WebSocket): Promise<void> => {
    const frames = openFrameQueue(socket);
    let admitted;
    let isNew = false;
    try {
      admitted = await greetSite({
        socket,
        frames,
        keys,
        federation,
        blobBytes: trunk.blobLimitBytes(),
        time: new Date(clock()).toISOString(),
        admit: (request) => {
          isNew = request.inviteCode !== null;
          return members.admit(request);
        },
      });
    } catch (thrown) {
      if (thrown instanceof Fault) tell({ kind: 'site-refused', fault: thrown.toValue() });
      socket.close(closeCodes.refused, 'refused');
      setTimeout(() => socket.terminate(), 1_000).unref();
      return;
    } finally {
      strangers -= 1;
    }
    const site = admitted.member;
    const channel = openChannel({
      socket,
      frames,
      seal: admitted.seal,
      incoming: fromSiteSchema,
      blobs,
      mayReceive: (_hash, bytes) => {
        if (!members.isMember(site.fingerprint)) throw hubFault.notMember();
        if (trunk.current() === null) throw hubFault.noProject();
        checkBlobSize(bytes, trunk.blobLimitBytes());
      },
      maySend: (hash) => {
        if (!store.isTrunkBlob(hash) && !relay.mayFetch(site.fingerprint, hash)) throw hubFault.notForYou();
      },
      receive: (message) => receive(() => session, message),
      ...(order.pingMs === undefined ? {} : { pingMs: order.pingMs }),
    });
    const session: Session = { site, channel };
    sessions.get(site.fingerprint)?.channel.close(closeCodes.superseded, 'a newer connection of this site took over');
    sessions.set(site.fingerprint, session);
    members.seen(site.fingerprint);
    if (isNew) tell({ kind: 'site-enrolled', site: site.site });
    tell({ kind: 'site-online', site: site.site });
    channel.send(announcedProject());
    announceMembers();
    for (const available of relay.availableTo(site.fingerprint, admitted.lastModelSequence)) channel.send(available);
    await channel.ended;
    if (sessions.get(site.fingerprint) !== session) return;
    sessions.delete(site.fingerprint);
    if (isClosing) return;
    members.seen(site.fingerprint);
    tell({ kind: 'site-offline', site: site.site });
    announceMembers();
  };

  const server = createServer((request, response) => {
    const isHealth = request.url === '/healthz';
    response.writeHead(isHealth ? 200 : 404, { 'content-type': 'application/json' });
    const health = {
      status: 'ok',
      federation,
      members: sessions.size,
      trunkVersion: trunk.current()?.trunk.version ?? null,
    };
    response.end(JSON.stringify(isHealth ? health : { status: 'not found' }));
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: wireLimits.frameBytes,
    perMessageDeflate: false,
    handleProtocols: () => wireVersion,
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes(wireVersion)) {
      return refuseUpgrade(stream, '426 Upgrade Required', `This hub speaks ${wireVersion}.`);
    }
    if (strangers >= maxStrangers)
      return refuseUpgrade(stream, '503 Service Unavailable', 'Too many connections at once.');
    sockets.handleUpgrade(request, stream, head, (socket) => {
      strangers += 1;
      socket.on('error', () => socket.terminate());
      void welcome(socket);
    });
  });
  try {
    await listen(server, order.port, order.host ?? '127.0.0.1');
    const port = (server.address() as { port: number }).port;
    const url = order.publicUrl ?? `ws://127.0.0.1:${port}`;
    writeSetting(db, 'url', url);
    writeSetting(db, 'fingerprint', keys.fingerprint);
    writeSetting(db, 'federation', federation);
    await trunk.resume();
    const hub: Hub = {
      url,
      port,
      fingerprint: keys.fingerprint,
      createInvite: (invite = {}) => createInvite(db, invite, clock()),
      status() {
        const current = trunk.current();
        return {
          federation,
          url,
          fingerprint: keys.fingerprint,
          project: current?.project ?? null,
          trunkVersion: current?.trunk.version ?? 0,
          isFinished: current?.isFinished ?? false,
          bufferedUpdates: trunk.buffered(),
          acceptedUpdates: store.acceptedUpdates(),
          refusedUpdates,
          members: members.list(new Set(sessions.keys())).map(({ site, fingerprint, online, updates, lastSeen }) => ({
            site,
            fingerprint,
            online,
            updates,
            lastSeen,
          })),
        };
      },
      async setProject(project, initialWeights) {
        await trunk.setProject(project, initialWeights);
        broadcast(announcedProject());
        await trunk.resume();
      },
      async trunkWeights() {
        const current = trunk.current();
        return current === null ? null : blobs.read(current.trunk.blob);
      },
      revoke(site) {
        const fingerprint = members.revoke(site);
        if (fingerprint === null) return false;
        sessions.get(fingerprint)?.channel.close(closeCodes.refused, 'the coordinator withdrew the membership');
        announceMembers();
        return true;
      },
      watch(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      async close() {
        isClosing = true;
        const ends = [...sessions.values()].map(({ channel }) => {
          channel.close(closeCodes.goingAway, 'the hub is shutting down');
          return channel.ended;
        });
        server.close();
        await Promise.all(ends);
        for (const socket of sockets.clients) socket.terminate();
        server.closeAllConnections();
        await trunk.close();
        blobs.close();
        db.close();
        lock.release();
      },
    };
    if (order.project !== undefined && order.initialWeights !== undefined) {
      await hub.setProject(order.project, order.initialWeights);
    }
    return hub;
  } catch (thrown) {
    server.close();
    await trunk.close();
    db.close();
    throw thrown;
  }
}

/** The hub's keys, made at its first start; whoever holds them is the hub that invites point to. */
function hubKeys(folder: string): DeviceKeys {
  const file = path.join(folder, 'hub-keys.json');
  if (existsSync(file)) return decodeDeviceKeys(readFileSync(file));
  const keys = createDeviceKeys();
  writeFileDurably(file, encodeDeviceKeys(keys), 0o600);
  return keys;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' ? hubFault.portInUse(port) : hubFault.cannotListen(error.code ?? error.message),
      );
    });
    server.listen(port, host, resolve);
  });
}

function refuseUpgrade(stream: Duplex, status: string, reason: string): void {
  stream.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${reason.length}\r\n\r\n${reason}`,
  );
}
