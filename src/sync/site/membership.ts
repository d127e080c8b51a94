// One membership: listens to the hub, keeps what it says, and moves the work, the outbox and the bench along.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { projectSchema, type Membership } from '../../contract/federation.ts';
import type { Fault } from '../../contract/fault.ts';
import { openBlobFolder } from '../protocol/blob-folder.ts';
import { closeCodes, openChannel, type Channel } from '../protocol/channel.ts';
import { fingerprintOf, type DeviceKeys } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import { fromHubSchema, type FromHub, type Member } from '../protocol/messages.ts';
import { parseJson, readSiteCard, readStatement, type Signed } from '../protocol/statement.ts';
import { openBench } from './bench.ts';
import { dial } from './dial.ts';
import { siteFault } from './faults.ts';
import { openLink, type Link } from './link.ts';
import type { LedgerDetail, MembershipDesk } from './membership-desk.ts';
import { writeMembershipState, type MembershipState } from './membership-file.ts';
import { openOutbox } from './outbox.ts';
import type { SiteWork } from './site-work.ts';
import { openWorkLoop } from './work-loop.ts';

export interface OpenMembership {
  readonly folder: string;
  readonly view: Membership;
  readonly state: MembershipState;
  /** @throws Fault 456 without a project, 457 when the cohort is not the one that was looked at. */
  approve(cohort: string, fingerprint: string | null): Promise<void>;
  leave(): Promise<void>;
  blobFile(hash: string): string | null;
  close(): Promise<void>;
}

export interface MembershipOrder {
  readonly folder: string;
  readonly state: MembershipState;
  readonly keys: DeviceKeys;
  readonly work: SiteWork;
  readonly clock: () => number;
  readonly random: () => number;
  readonly pingMs: number | null;
  /** With a code: the first connection enrols, and its failure is thrown instead of tried again. */
  readonly inviteCode: string | null;
  readonly onChange: (membership: Membership) => void;
  readonly onLedger: (act: string, detail: LedgerDetail) => void;
}

type HubNews = Exclude<FromHub, { re: number } | { kind: 'put-begin' | 'put-end' | 'get-begin' | 'chunk-received' }>;

export async function openMembership(order: MembershipOrder): Promise<OpenMembership> {
  const { folder, state, keys, work, clock } = order;
  const blobs = openBlobFolder(path.join(folder, 'blobs'));
  let channel: Channel | null = null;
  let connection: 'enrolling' | 'connecting' | 'online' | 'offline' = 'connecting';
  let connectionReason: string | null = null;
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
      writeMembershipState(folder, state);
      desk.changed();
    },
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
      const { own, trunk, candidates, spool } = state;
      const needed = [own?.model, own?.shared?.sealedBlob, trunk?.blob, ...candidates.map(({ model }) => model)];
      if (!needed.includes(hash) && !spool.some(({ blob }) => blob === hash)) blobs.remove(hash);
    },
    channel: () => channel,
    ledger: (act, detail) => order.onLedger(act, { federation: state.federation, ...detail }),
  };
  const bench = openBench(desk);
  const outbox = openOutbox(desk, order.random);

  const connect = async (inviteCode: string | null): Promise<Channel> => {
    const line = await dial({
      url: state.hubUrl,
      hubFingerprint: state.hubFingerprint,
      keys,
      site: state.site,
      inviteCode,
      lastModelSequence: state.lastModelSequence,
    });
    state.hubKey = line.hello.hubKey;
    return openChannel({
      socket: line.socket,
      frames: line.frames,
      seal: line.seal,
      incoming: fromHubSchema,
      blobs,
      // The hub sends what this site asks for and fetches nothing.
      mayReceive: () => {
        throw wireFault.malformedMessage('a hub does not push blobs');
      },
      maySend: (hash) => {
        throw wireFault.unknownBlob(hash);
      },
      receive: (message) => {
        receive(message);
        return null;
      },
      onTraffic(sent, received) {
        state.bytesSent += sent;
        state.bytesReceived += received;
      },
      ...(order.pingMs === null ? {} : { pingMs: order.pingMs }),
    });
  };

  /** What fails now is done at the next connection. */
  const shareModel = (): void =>
    void bench.share().then(
      () => loop.poke(),
      () => {},
    );

  const receive = (message: HubNews): void => {
    switch (message.kind) {
      case 'project-announced':
        takeProject(message.project, message.trunk, message.isFinished);
        break;
      case 'trunk-committed':
        takeTrunk(message.trunk, message.isFinished);
        break;
      case 'members-changed':
        takeMembers(message.members);
        shareModel();
        break;
      case 'model-available':
        if (message.sequence <= state.lastModelSequence) return;
        state.lastModelSequence = message.sequence;
        state.announced.push({ model: message.model, sealedKey: message.sealedKey });
        break;
    }
    desk.save();
    loop.poke();
  };

  const takeMembers = (members: readonly Member[]): void => {
    const known = members.map((member) => ({ ...member, ...readSiteCard(member.card) }));
    state.members = known.map(({ site, online, updates, lastSeen }) => ({ site, online, updates, lastSeen }));
    state.memberFingerprints = known.map(({ publicKey }) => fingerprintOf(publicKey));
    // Whoever wrote to us once stays known, so that its models can be checked after it left.
    for (const { publicKey, card } of known) state.cards[fingerprintOf(publicKey)] = card;
    // One that left and comes back has to be given the model again.
    const shared = state.own?.shared ?? null;
    if (shared !== null) {
      shared.recipients = shared.recipients.filter((recipient) => state.memberFingerprints.includes(recipient));
    }
  };

  const takeProject = (text: string | null, trunk: Signed | null, isFinished: boolean): void => {
    if (text === null || trunk === null) return;
    const hash = createHash('sha256').update(text).digest('hex');
    if (hash !== state.project?.hash) {
      const project = projectSchema.safeParse(parseJson(text));
      if (!project.success) throw wireFault.malformedMessage('the project is not one');
      bench.clear();
      outbox.clear();
      const before = state.trunk?.blob;
      state.project = { project: project.data, hash, isFinished };
      state.trunk = null;
      if (before !== undefined) desk.forget(before);
      state.approval = null;
      state.turn = 0;
      state.history = [];
      state.announced = [];
      desk.ledger('project-announced', { project: project.data.id, projectHash: hash });
      loop.restart();
    }
    takeTrunk(trunk, isFinished);
  };

  const takeTrunk = (signed: Signed, isFinished: boolean): void => {
    if (state.project === null || state.hubKey === null) return;
    const trunk = readStatement('trunk', signed, state.hubKey);
    if (trunk.projectHash !== state.project.hash) throw siteFault.forgedTrunk();
    state.project.isFinished = isFinished;
    if (state.trunk !== null && trunk.version <= state.trunk.version) return;
    // The one before stays while it is on the bench; one that never got there is not needed any more.
    const before = state.trunk?.blob;
    state.trunk = { version: trunk.version, blob: trunk.blob, bytes: trunk.bytes };
    if (before !== undefined) desk.forget(before);
  };

  const view = (): Membership => ({
    federation: state.federation,
    hubUrl: state.hubUrl,
    hubFingerprint: state.hubFingerprint,
    site: state.site,
    siteFingerprint: keys.fingerprint,
    state:
      state.standing !== 'member' ? state.standing : state.project?.isFinished && loop.isDone ? 'finished' : connection,
    reason: connectionReason ?? state.reason,
    project: state.project?.project ?? null,
    cohort: state.approval?.cohort ?? null,
    trunkVersion: state.trunk?.version ?? 0,
    trunkCommits: state.project?.project.commits ?? 0,
    activity: outbox.isDelivering && ['waiting', 'idle'].includes(loop.activity) ? 'uploading' : loop.activity,
    updates: { accepted: state.accepted, refused: state.refused, spooled: state.spool.length },
    meanStaleness: state.accepted === 0 ? 0 : state.stalenessSum / state.accepted,
    bytesSent: state.bytesSent,
    bytesReceived: state.bytesReceived,
    members: state.members,
    history: state.history,
    bench: state.candidates.map(({ model, site, network, metrics }) => ({
      model,
      site,
      network,
      auc: metrics?.auc?.value ?? null,
      selected: state.selected.includes(model),
    })),
    scoreboard: state.scoreboard,
  });

  const onUp = (opened: Channel): void => {
    channel = opened;
    connection = 'online';
    connectionReason = null;
    void opened.ended.then(() => {
      if (channel === opened) channel = null;
    });
    if (state.owesLeave) return void sayGoodbye(opened);
    void outbox.deliver().then(() => loop.poke());
    shareModel();
    desk.changed();
    loop.poke();
  };
  const onDown = (fault: Fault, isFinal: boolean): void => {
    channel = null;
    connection = 'offline';
    connectionReason = fault.message;
    if (isFinal && state.standing === 'member') {
      state.standing = 'refused';
      state.reason = fault.message;
      loop.restart();
      desk.save();
      desk.ledger('refused', { reason: fault.message });
    } else {
      desk.save();
    }
  };
  const sayGoodbye = async (opened: Channel): Promise<void> => {
    try {
      await opened.ask({ kind: 'leave' });
      state.owesLeave = false;
      desk.save();
      void link?.close();
    } catch {
      // Said again at the next connection.
    }
  };

  const loop = openWorkLoop({ desk, bench, outbox, random: order.random });
  let link: Link | null = null;
  const stop = async (): Promise<void> => {
    isClosed = true;
    outbox.close();
    await Promise.all([link?.close(), loop.close()]);
    blobs.close();
  };
  let first: Channel | null = null;
  if (order.inviteCode !== null) {
    connection = 'enrolling';
    try {
      first = await connect(order.inviteCode);
      desk.save();
    } catch (thrown) {
      first?.close(closeCodes.goingAway, 'the site could not keep its membership');
      await stop();
      throw thrown;
    }
  }
  if (state.standing === 'member' || state.owesLeave) {
    link = openLink({ connect: () => connect(null), onUp, onDown, random: order.random, first });
  }

  return {
    get view() {
      return view();
    },
    folder,
    state,
    async approve(cohort, fingerprint) {
      const { project } = state;
      if (project === null) throw siteFault.noProject(state.federation);
      const datasetFingerprint = await work.datasetFingerprint(cohort);
      if (fingerprint !== null && fingerprint !== datasetFingerprint) throw siteFault.cohortChanged(cohort);
      const isOther = state.approval?.datasetFingerprint !== datasetFingerprint || state.approval.cohort !== cohort;
      if (isOther) {
        bench.judgeAnew();
        outbox.clear();
        state.history = [];
      }
      state.approval = { cohort, projectHash: project.hash, datasetFingerprint };
      state.reason = null;
      desk.save();
      desk.ledger('project-approved', { project: project.project.id, projectHash: project.hash, datasetFingerprint });
      if (isOther) loop.restart();
      loop.poke();
    },
    async leave() {
      if (state.standing !== 'left') {
        state.standing = 'left';
        state.owesLeave = true;
        state.reason = null;
        connectionReason = null;
        outbox.clear();
        loop.restart();
        desk.save();
        desk.ledger('left', {});
      }
      if (channel !== null) await sayGoodbye(channel);
    },
    blobFile: (hash) => blobs.file(hash),
    close: stop,
  };
}
