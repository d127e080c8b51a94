// One membership: listens to the hub, keeps what it says, and moves the work, the outbox and the bench along.
import type { Agent } from 'node:http';
import path from 'node:path';
import type { WebSocket } from 'ws';
import type { Membership } from '../../contract/federation.ts';
import type { Fault } from '../../contract/fault.ts';
import { openBlobFolder } from '../protocol/blob-folder.ts';
import { closeCodes, type Channel } from '../protocol/channel.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { type Approval, openApproval } from './approval.ts';
import { openBench } from './bench.ts';
import { type BenchActs, openBenchActs } from './bench-acts.ts';
import type { CardCheck } from './card-check.ts';
import { openGoodbye } from './goodbye.ts';
import { openHubLine } from './hub-line.ts';
import { type HubNews, openNewsReader } from './hub-news-reader.ts';
import { openHubStanding } from './hub-standing.ts';
import { openKnownMembersFile } from './known-members.ts';
import { openLink, type Link } from './link.ts';
import { type CountersignedLedger, exchangeEveryMs, openLedgerHeads } from './ledger-heads.ts';
import type { LedgerDetail, MembershipDesk } from './membership-desk.ts';
import { writeMembershipState, type MembershipState } from './membership-file.ts';
import { membershipView, siteNamed } from './membership-view.ts';
import { isBlobNeeded } from './needed-blobs.ts';
import { openOutbox } from './outbox.ts';
import { signAddress } from './own-address.ts';
import { openPeerLines, type PeerLines } from './peer-lines.ts';
import { openProjectAnswers } from './project-answer.ts';
import type { SiteWork } from './site-work.ts';
import { openTurnsDone } from './turns-done.ts';
import { sweepNowAndThen } from './unneeded-blobs.ts';
import type { WayOut } from './way-out.ts';
import { within } from './within.ts';
import { openWorkLoop } from './work-loop.ts';

/** Longer a site that closes does not wait for the hub's countersignature. */
const longestExchangeMs = 3_000;

export interface OpenMembership extends Approval {
  readonly folder: string;
  readonly view: Membership;
  readonly state: MembershipState;
  leave(): Promise<boolean>;
  /** Greets a peer that came to this site's door. */
  welcomePeer(socket: WebSocket): Promise<void>;
  /** Where this site listens changed: its peers are told. */
  tellAddress(): void;
  /** What may be trained has changed. */
  lookAgain(): void;
  blobFile(hash: string): string | null;
  readonly acts: BenchActs;
  close(): Promise<void>;
}

export interface MembershipOrder {
  readonly folder: string;
  readonly state: MembershipState;
  readonly keys: DeviceKeys;
  readonly work: SiteWork;
  readonly wayOut?: WayOut;
  readonly ledger?: CountersignedLedger;
  readonly clock: () => number;
  readonly random: () => number;
  readonly pingMs: number | null;
  readonly agent: Agent | null;
  readonly checkCard: CardCheck;
  /** Where this site listens for its peers now; null where it does not. */
  readonly address: () => { readonly url: string; readonly certificate: string } | null;
  /** With a code: the first connection enrols, and its failure is thrown instead of tried again. */
  readonly inviteCode: string | null;
  readonly onChange: (membership: Membership) => void;
  readonly onLedger: (act: string, detail: LedgerDetail) => void;
}

export async function openMembership(order: MembershipOrder): Promise<OpenMembership> {
  const { folder, state, keys, work, clock } = order;
  const blobs = openBlobFolder(path.join(folder, 'blobs'));
  const membersFile = openKnownMembersFile(folder, state);
  const standing = openHubStanding(() => state.standing === 'member');
  let channel: Channel | null = null;
  let isTelling = false;
  let isClosed = false;

  const desk: MembershipDesk = {
    folder,
    state,
    blobs,
    keys,
    work,
    clock,
    save() {
      membersFile.flush();
      writeMembershipState(folder, state);
      desk.changed();
    },
    membersChanged: () => membersFile.changed(),
    changed() {
      if (isTelling || isClosed) return;
      isTelling = true;
      // Many changes in one turn are one piece of news.
      setImmediate(() => {
        isTelling = false;
        if (!isClosed) order.onChange(view());
      });
    },
    forget(hash) {
      if (!isBlobNeeded(state, hash)) blobs.remove(hash);
    },
    channel: () => channel,
    lines: () => lines,
    async tried() {
      await standing.tried();
      await lines.tried();
    },
    ledger: (act, detail) => order.onLedger(act, { federation: state.federation, ...detail }),
  };
  const bench = openBench(desk);
  const answers = openProjectAnswers(desk);
  const exchangeHeads = openLedgerHeads(desk, order.ledger ?? null);
  const tellTurnsDone = openTurnsDone(desk);
  const outbox = openOutbox(desk, order.random);

  const hub = openHubLine({
    desk,
    wayOut: order.wayOut,
    agent: order.agent,
    pingMs: order.pingMs,
    receive: (news) => receive(news),
  });

  /** What a person held back may leave now. */
  const goOn = (): void => {
    loop.lookAgain();
    shareModel();
    void outbox.deliver().then(() => loop.poke());
  };
  /** What fails now is done at the next connection. */
  const shareModel = (): void =>
    void bench.share().then(
      () => loop.poke(),
      () => {},
    );

  const receive = (message: HubNews): void => {
    const keep = takeNews(message);
    const isToKeep = keep !== 'not';
    const isAboutMembers = message.kind === 'members-changed' || message.kind === 'members-updated';
    if (message.kind === 'members-changed') standing.membersTold();
    if (isToKeep && isAboutMembers) {
      lines.refresh();
      shareModel();
    }
    if (keep === 'at-once') desk.save();
    else desk.changed();
    // A masked update goes on as the hub tells what other sites did; one that is offered may be too stale for the new trunk. What an ended
    // project has not sent yet is dropped.
    const isOver = state.project?.isFinished === true && state.spool.length > 0;
    if ((state.project?.project.secureAggregation != null && isToKeep) || isOver)
      void outbox.deliver().then(() => loop.poke());
    loop.poke();
  };

  const view = (): Membership =>
    membershipView({
      state,
      keys,
      connection: standing.connection,
      areMembersTold: standing.areMembersTold,
      reason: loop.failure ?? standing.reason ?? state.reason,
      loop,
      outbox,
      lines,
      publication: bench.publication,
    });

  const onUp = (opened: Channel): void => {
    channel = opened;
    state.hubHeardAtMs = desk.clock();
    standing.up();
    void opened.ended.then(() => {
      if (channel === opened) channel = null;
    });
    if (state.owesLeave) return void sayGoodbye(opened);
    void outbox.deliver().then(() => loop.poke());
    void answers.deliver(hub.features()).then(() => tellTurnsDone(hub.features()));
    void exchangeHeads(hub.features()).catch(() => {});
    shareModel();
    desk.changed();
    loop.poke();
  };
  const onDown = (fault: Fault, isFinal: boolean): void => {
    channel = null;
    if (standing.connection === 'online') state.hubHeardAtMs = desk.clock();
    standing.down(fault.message);
    if (isFinal) state.owesLeave = false;
    goodbye.failed();
    if (isFinal && state.standing === 'member') {
      state.standing = 'refused';
      state.reason = fault.message;
      loop.restart();
      lines.refresh();
      desk.save();
      desk.ledger('refused', { reason: fault.message });
    } else {
      desk.save();
      // What the hub took and may not have handed on goes on lines of its own.
      void bench.publication.deliver().catch(() => {});
    }
  };
  const goodbye = openGoodbye(desk);
  const sayGoodbye = async (opened: Channel): Promise<void> => {
    await goodbye.say(opened);
    if (!state.owesLeave) void link?.close();
  };

  const loop = openWorkLoop({
    desk,
    bench,
    outbox,
    random: order.random,
    onTurnsDone: () => void tellTurnsDone(hub.features()),
  });
  const lines: PeerLines = openPeerLines({
    desk,
    random: order.random,
    pingMs: order.pingMs,
    ownAddress: () => state.address,
    onOpen: shareModel,
    onOffer(offer) {
      const isWanted = bench.reception.note(offer, 'direct');
      desk.save();
      loop.poke();
      return isWanted;
    },
    onTaken(fingerprint, model) {
      bench.publication.taken(fingerprint, model);
      loop.poke();
    },
    maySend: bench.publication.mayFetch,
  });
  const signOwnAddress = (): boolean => signAddress(desk, order.address());
  const approval = openApproval({
    desk,
    bench,
    outbox,
    loop,
    answers: { give: answers.give, deliver: () => void answers.deliver(hub.features()) },
    onMayLeave: goOn,
  });
  const takeNews = openNewsReader({ desk, bench, outbox, loop, checkCard: order.checkCard });
  let link: Link | null = null;
  const endSweeping = sweepNowAndThen(desk);
  const exchanging = setInterval(() => void exchangeHeads(hub.features()).catch(() => {}), exchangeEveryMs).unref();
  const keepHeard = (): void => {
    state.hubHeardAtMs = desk.clock();
    try {
      desk.save();
    } catch {
      // A full disk, or none: since when the hub is away is then told from the last change.
    }
  };
  const stop = async (): Promise<void> => {
    isClosed = true;
    clearInterval(exchanging);
    endSweeping();
    outbox.close();
    bench.publication.close();
    if (standing.connection === 'online') keepHeard();
    // A command that only looks is over before its line is there.
    if (standing.connection === 'connecting') await goodbye.heard();
    await goodbye.settled();
    // What was done since the last time must not be cut off unseen either. Work may wait for a line that ends only below.
    const idle = loop.close();
    await within(
      longestExchangeMs,
      idle.then(() => exchangeHeads(hub.features())).catch(() => {}),
    );
    await Promise.all([link?.close(), lines.close(), idle]);
    membersFile.close();
    await blobs.close();
  };
  let first: Channel | null = null;
  signOwnAddress();
  if (order.inviteCode !== null) {
    standing.enrols();
    try {
      first = await hub.connect(order.inviteCode);
      desk.save();
    } catch (thrown) {
      first?.close(closeCodes.goingAway, 'the site could not keep its membership');
      await stop();
      throw thrown;
    }
  }
  if (state.standing === 'member' || state.owesLeave) {
    link = openLink({ connect: () => hub.connect(null), onUp, onDown, random: order.random, first });
    lines.refresh();
  }

  return {
    get view() {
      return view();
    },
    folder,
    state,
    ...approval,
    async leave() {
      if (state.standing !== 'left') {
        // A hub that ended the membership itself has nothing to hear.
        state.owesLeave = state.standing === 'member';
        state.standing = 'left';
        state.reason = null;
        standing.over();
        outbox.clear();
        loop.restart();
        lines.refresh();
        desk.save();
        desk.ledger('left', {});
      }
      if (link === null) return !state.owesLeave;
      if (channel === null) link.hurry();
      else void sayGoodbye(channel);
      return goodbye.heard();
    },
    lookAgain: () => loop.lookAgain(),
    welcomePeer: (socket) => lines.welcome(socket),
    tellAddress() {
      if (!signOwnAddress()) return;
      desk.save();
      lines.tellAddress();
      // The hub is told with the next greeting.
      channel?.close(closeCodes.goingAway, 'the site tells its address anew');
    },
    blobFile: (hash) => blobs.file(hash),
    acts: openBenchActs(desk, bench, (fingerprint) => siteNamed(state, fingerprint)),
    close: stop,
  };
}
