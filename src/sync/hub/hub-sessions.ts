// The sites that are connected: greets each, answers what it asks, and tells all of them what changed.
import type { WebSocket } from 'ws';
import { faultValueOf } from '../../contract/fault.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { closeCodes, openChannel } from '../protocol/channel.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { type FromHub, fromSiteSchema } from '../protocol/messages.ts';
import type { Signed } from '../protocol/statement.ts';
import type { BegunBlobs } from './begun-blobs.ts';
import { openBlobRights } from './blob-rights.ts';
import type { Certificates } from './certificates.ts';
import type { HubLedger } from './hub-ledger.ts';
import type { HubNews } from './hub-news.ts';
import { openMemberNews } from './member-news.ts';
import type { MaskedBuffers } from './masked-buffers.ts';
import type { AdmittedSite, Members } from './members.ts';
import type { Presence } from './presence.ts';
import type { Relay } from './relay.ts';
import type { ToldAddresses } from './told-addresses.ts';
import type { TrunkStore } from './trunk-store.ts';
import type { Trunk } from './trunk.ts';
import { openSessionNews, type Session } from './session-news.ts';
import { openSiteQuestions, type SiteRecords } from './site-questions.ts';
import { openStrangers } from './stranger.ts';
import { openUnofferedBlobs } from './unoffered-blobs.ts';

const takenOver = 'a newer connection of this site took over';

export interface HubSessions {
  /** Greets a socket and serves it; resolves when the handshake is over, well or not. Never rejects. */
  welcome(socket: WebSocket, path: string, from: string | null): Promise<void>;
  /** Fingerprints of the sites that are connected to this hub. */
  here(): ReadonlySet<string>;
  /** Says that a project's trunk has a new version, to sites that know the project. */
  announceTrunk(projectHash: string, signed: Signed, isFinished: boolean): void;
  /** Says it to a site if it is connected. */
  say(fingerprint: string, message: FromHub): void;
  /** Tells at once what changed about members. */
  tellMembers(): Promise<void>;
  /** Something of a member that all are told changed. */
  memberChanged(fingerprint: string): void;
  announceProject(): Promise<void>;
  /** Ends the connections of sites that are no members any more; when they come back they are told why. */
  dismissFormerMembers(): Promise<void>;
  /** Another hub, or a command, changed something about a site: it may be no member any more, or be connected elsewhere now. */
  siteChanged(fingerprint: string): Promise<void>;
  /** Tells a site, or all that are connected here, of their accepted updates that are never counted. */
  tellDiscards(fingerprint: string | null): Promise<void>;
  /** Tells sites of models for them that they have not heard of. */
  offerModels(): Promise<void>;
  close(): Promise<void>;
}

export function openHubSessions(
  order: SiteRecords & {
    readonly blobs: BlobFolder;
    readonly begun: BegunBlobs;
    readonly keys: DeviceKeys;
    readonly federation: string;
    readonly members: Members;
    readonly presence: () => Presence;
    readonly relay: Relay;
    readonly store: TrunkStore;
    readonly addresses: ToldAddresses;
    readonly certificates: Certificates;
    readonly ledger: Pick<HubLedger, 'append'>;
    /** Asked for late: the trunk tells its commits to these sessions. */
    readonly trunk: () => Trunk;
    readonly masked: () => MaskedBuffers;
    readonly clock: () => number;
    readonly pingMs: number | undefined;
    readonly tell: (news: HubNews) => void;
    /** Hears of bytes on the wire. */
    readonly onTraffic: (sentBytes: number, receivedBytes: number) => void;
  },
): HubSessions {
  const { blobs, keys, federation, members, presence, relay, store, addresses, certificates, ledger, clock, tell } =
    order;
  const sessions = new Map<string, Session>();
  const unoffered = openUnofferedBlobs({ blobs, begun: order.begun, dropBlob: (hash) => order.trunk().dropBlob(hash) });
  const blobRights = openBlobRights({ members, relay, store, ledger, unoffered, trunk: order.trunk, clock });
  let isClosing = false;
  /** The project that the sites were told of last. */
  let announced: string | null = null;
  /** What is written about sites that went offline: the database stays open for it. */
  let endings: Promise<unknown> = Promise.resolve();

  const broadcast = (message: FromHub): void => {
    const json = JSON.stringify(message);
    for (const session of sessions.values())
      if (session.isGreeted) session.channel.sendWritten(json);
      else session.isBehind = true;
  };
  const news = openMemberNews({
    members,
    addresses,
    online: async () => presence().online(),
    listeners: () => sessions.size,
    broadcast,
    onFailed: (thrown) => failed('the list of members', thrown),
  });
  const announcedProject = async (): Promise<FromHub> => {
    const current = await order.trunk().current();
    announced = current?.projectHash ?? null;
    return {
      kind: 'project-announced',
      project: current?.projectText ?? null,
      trunk: current?.signedTrunk ?? null,
      isFinished: current?.isFinished ?? false,
    };
  };

  const toOne = openSessionNews({ trunk: order.trunk, store, relay, members, certificates, keys, clock });
  const receive = openSiteQuestions({
    members,
    store,
    relay,
    addresses,
    ledger,
    exchangeHeads: order.exchangeHeads,
    recordAnswer: order.recordAnswer,
    recordTurnsDone: order.recordTurnsDone,
    trunk: order.trunk,
    masked: order.masked,
    clock,
    tell,
    guarded: (site, act) => guarded(site, act),
    memberChanged: news.changed,
    offerModels: (fingerprint) => toOne.offerModels(sessions.get(fingerprint)),
    farewell: (fingerprint) =>
      sessions.get(fingerprint)?.channel.close(closeCodes.left, 'the site left the federation'),
  });

  const letInStranger = openStrangers({
    keys,
    federation,
    blobLimitBytes: () => order.trunk().blobLimitBytes(),
    members,
    certificates,
    clock,
    tell,
    onFailed: (thrown) => failed('a site at the door', thrown),
  });
  const welcome: HubSessions['welcome'] = async (socket, _path, from) => {
    const letIn = await letInStranger(socket, from);
    if (letIn === null) return;
    const { member: site, features, frames, seal, isNew, address } = letIn;
    const channel = openChannel({
      socket,
      frames,
      seal,
      incoming: fromSiteSchema,
      blobs,
      ...blobRights(site),
      receive: (message) => receive(session, message),
      onUnexpected: (thrown) => failed(site.site, thrown),
      onTraffic: order.onTraffic,
      onHeartbeat: () => void guarded(site, () => toOne.certifyAnew(session)),
      ...(order.pingMs === undefined ? {} : { pingMs: order.pingMs }),
    });
    const session: Session = {
      site,
      features,
      channel,
      isGreeted: false,
      isBehind: false,
      certifiedAt: clock(),
      lastModelSequence: 0,
    };
    sessions.get(site.fingerprint)?.channel.close(closeCodes.superseded, takenOver);
    void guarded(site, () => unoffered.ended(site.fingerprint));
    sessions.set(site.fingerprint, session);
    void channel.ended.then(() => ended(session));
    session.lastModelSequence = letIn.lastModelSequence;
    const isServed = await guarded(site, async () => {
      // Before the other hubs hear that it is here.
      await addresses.take(site, address);
      await members.seen(site.fingerprint);
      await presence().arrived(site.fingerprint);
      if (isNew) tell({ kind: 'site-enrolled', site: site.site });
      tell({ kind: 'site-online', site: site.site });
      await greet(session);
      news.changed(site.fingerprint);
    });
    // Half a greeting helps nobody: it comes back and is greeted anew.
    if (!isServed) channel.close(closeCodes.goingAway, 'the hub could not serve the site');
  };

  /** How everything stands, and the models that the site has not seen. */
  const greet = async (session: Session): Promise<void> => {
    let greeting: FromHub[];
    do {
      session.isBehind = false;
      greeting = [await announcedProject(), ...(await news.everyone())];
    } while (session.isBehind);
    session.isGreeted = true;
    for (const message of greeting) session.channel.send(message);
    await toOne.tellDiscards(session);
    await toOne.offerModels(session);
    await order.masked().greeted(session.site.fingerprint);
  };
  /** @returns whether it was none any more. */
  const dismissFormerMember = async ({ site, channel }: Session): Promise<boolean> => {
    if (await members.isMember(site.fingerprint)) return false;
    tell({ kind: 'site-dismissed', site: site.site });
    channel.close(closeCodes.refused, 'the coordinator ended the membership');
    news.changed(site.fingerprint);
    return true;
  };

  const failed = (site: string, thrown: unknown): void => tell({ kind: 'failed', site, fault: faultValueOf(thrown) });
  /** Nobody waits for the result: what fails (a full disk) is told and ends nothing else. @returns whether it succeeded. */
  const guarded = async (site: AdmittedSite, act: () => Promise<void>): Promise<boolean> => {
    try {
      await act();
      return true;
    } catch (thrown) {
      failed(site.site, thrown);
      return false;
    }
  };

  const ended = (session: Session): void => {
    const { site } = session;
    if (sessions.get(site.fingerprint) !== session) return;
    sessions.delete(site.fingerprint);
    const noMore = guarded(site, () => unoffered.ended(site.fingerprint));
    endings = Promise.all([endings, noMore]);
    if (isClosing) return;
    tell({ kind: 'site-offline', site: site.site });
    const farewell = guarded(site, async () => {
      await members.seen(site.fingerprint);
      await presence().departed(site.fingerprint);
    });
    endings = Promise.all([endings, farewell]);
    news.changed(site.fingerprint);
  };

  return {
    welcome,
    here: () => new Set(sessions.keys()),
    announceTrunk(projectHash, trunk, isFinished) {
      if (projectHash === announced) broadcast({ kind: 'trunk-committed', trunk, isFinished });
    },
    say(fingerprint, message) {
      const session = sessions.get(fingerprint);
      // One that is being greeted asks by itself where things stand.
      if (session?.isGreeted === true) session.channel.send(message);
    },
    tellMembers: news.tellNow,
    memberChanged: news.changed,
    async announceProject() {
      broadcast(await announcedProject());
      // Who declined the former project may take part in this one.
      for (const message of await news.everyone()) broadcast(message);
    },
    async dismissFormerMembers() {
      for (const session of sessions.values()) await dismissFormerMember(session);
    },
    async siteChanged(fingerprint) {
      news.changed(fingerprint);
      const session = sessions.get(fingerprint);
      if (session === undefined || (await dismissFormerMember(session)) || !session.isGreeted) return;
      if (await presence().isElsewhere(fingerprint)) session.channel.close(closeCodes.superseded, takenOver);
    },
    async tellDiscards(fingerprint) {
      for (const session of sessions.values()) {
        // One that is being greeted is told at the end of it.
        const isMeant = fingerprint === null || session.site.fingerprint === fingerprint;
        if (isMeant && session.isGreeted) await toOne.tellDiscards(session);
      }
    },
    async offerModels() {
      for (const session of sessions.values()) await toOne.offerModels(session);
    },
    async close() {
      isClosing = true;
      news.close();
      const ends = [...sessions.values()].map(({ channel }) => {
        channel.close(closeCodes.goingAway, 'the hub is shutting down');
        return channel.ended;
      });
      await Promise.all(ends);
      await endings;
    },
  };
}
