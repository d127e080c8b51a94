// A membership as window and command line show it, from what the site keeps and what it is doing.
import type { Membership } from '../../contract/federation.ts';
import type { Peer } from '../../contract/peers.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { parseStatement } from '../protocol/statement.ts';
import { isOnBench, trunkOnBench } from './bench-candidate.ts';
import { leakProbeShown } from './leak-gate.ts';
import { certificateUntil } from './membership-certificate.ts';
import type { MembershipState } from './membership-file.ts';
import type { Outbox } from './outbox.ts';
import type { PeerLines } from './peer-lines.ts';
import type { Publication } from './publication.ts';
import { undelivered } from './undelivered.ts';
import type { WorkLoop } from './work-loop.ts';

const leaveNotHeard = 'The hub has not heard yet that this site left. It is told as soon as it answers.';

export type ConnectionState = 'enrolling' | 'connecting' | 'online' | 'offline';

/** The site's name that a member's card carries. */
export function siteNamed(state: MembershipState, fingerprint: string): string {
  const card = state.cards[fingerprint];
  return card === undefined ? fingerprint.slice(0, 12) : parseStatement('site-card', card.statement).site;
}

/** Each list is gone through once: a federation may have a thousand members, and each of them changes now and then. */
function peersOf({ state, keys, areMembersTold, lines }: Parameters<typeof membershipView>[0]): Peer[] {
  const offered = Map.groupBy(
    state.announced.map(({ model }) => parseStatement('model', model.statement).author),
    (author) => author,
  );
  const models = Map.groupBy(state.candidates.filter(isOnBench), ({ author }) => author);
  const muted = new Set(state.muted);
  // Names lie beside fingerprints; in files of earlier versions, until the hub speaks, they do not.
  const isNamed = state.members.length === state.memberFingerprints.length;
  return state.memberFingerprints.flatMap((fingerprint, index): Peer[] => {
    const member = isNamed ? state.members[index] : undefined;
    // One that observes, or declined the project, shares no model (docs/protocol.md 7.1).
    if (fingerprint === keys.fingerprint || member?.takesPart === false) return [];
    const address = state.addresses[fingerprint];
    const own = models.get(fingerprint) ?? [];
    const scores = own.flatMap(({ metrics }) => (metrics?.dice ?? metrics?.auc)?.value ?? []);
    return [
      {
        site: member?.site ?? siteNamed(state, fingerprint),
        fingerprint,
        route: lines.to(fingerprint) !== null ? 'direct' : areMembersTold && member?.online ? 'relay' : 'away',
        address: address === undefined ? null : parseStatement('address', address.statement).url,
        lineProblem: lines.problemWith(fingerprint),
        isMuted: muted.has(fingerprint),
        models: own.length,
        offered: offered.get(fingerprint)?.length ?? 0,
        alone: scores.length === 0 ? null : Math.max(...scores),
        help: state.help[fingerprint] ?? null,
      },
    ];
  });
}

/** Who is online is the hub's word, as long as it is there; without it a site knows of itself and of its lines. */
function membersShown({
  state,
  keys,
  connection,
  areMembersTold,
  lines,
}: Parameters<typeof membershipView>[0]): Membership['members'] {
  if (areMembersTold) return state.members;
  return state.members.map((member, index) => {
    const fingerprint = state.memberFingerprints[index] ?? '';
    const isReached = lines.to(fingerprint) !== null;
    return { ...member, online: isReached ? true : fingerprint === keys.fingerprint ? connection === 'online' : null };
  });
}

export function membershipView(order: {
  readonly state: MembershipState;
  readonly keys: DeviceKeys;
  readonly connection: ConnectionState;
  /** The hub has said on this connection who its members are, and who is online. */
  readonly areMembersTold: boolean;
  readonly reason: string | null;
  readonly loop: WorkLoop;
  readonly outbox: Outbox;
  readonly lines: PeerLines;
  readonly publication: Publication;
}): Membership {
  const { state, keys, connection, reason, loop, outbox, publication } = order;
  let peers: Peer[] | null = null;
  let members: Membership['members'] | null = null;
  return {
    federation: state.federation,
    hubUrl: state.hubUrl,
    hubFingerprint: state.hubFingerprint,
    site: state.site,
    siteFingerprint: keys.fingerprint,
    state:
      state.standing !== 'member' ? state.standing : state.project?.isFinished && loop.isDone ? 'finished' : connection,
    reason: state.standing === 'left' ? (state.owesLeave ? leaveNotHeard : null) : reason,
    project: state.project?.project ?? null,
    projectHash: state.project?.hash ?? null,
    isProjectFinished: state.project?.isFinished ?? false,
    role: state.role,
    unreachedSince:
      connection === 'offline' && state.hubHeardAtMs > 0 ? new Date(state.hubHeardAtMs).toISOString() : null,
    certificateUntil: certificateUntil(state),
    answer: answerShown(state),
    cohort: state.approval?.cohort ?? null,
    leakProbe: leakProbeShown(state),
    trunkVersion: state.trunk?.version ?? 0,
    trunkCommits: state.project?.project.commits ?? 0,
    activity: outbox.isDelivering && ['waiting', 'idle'].includes(loop.activity) ? 'uploading' : loop.activity,
    updates: {
      accepted: state.accepted,
      refused: state.refused,
      discarded: state.discarded,
      spooled: state.spool.length,
    },
    discardedBecause: state.discardedBecause,
    meanStaleness: state.accepted === 0 ? 0 : state.stalenessSum / state.accepted,
    bytesSent: state.bytesSent,
    bytesReceived: state.bytesReceived,
    get members() {
      return (members ??= membersShown(order));
    },
    history: state.history,
    bench: state.candidates.filter(isOnBench).map(({ model, site, network, metrics, branch, author }) => ({
      model,
      site,
      network,
      auc: metrics?.auc?.value ?? null,
      dice: metrics?.dice?.value ?? null,
      selected: state.selected.includes(model),
      // No site wrote it: it is on no site's branch.
      branch: site === trunkOnBench && author === null ? trunkOnBench : branch,
    })),
    /** Made when it is looked at: there may be a thousand, and most who hear of a change ask for something else. */
    get peers() {
      return (peers ??= peersOf(order));
    },
    get undelivered() {
      return undelivered(state, publication.awaiting).map((fingerprint) => siteNamed(state, fingerprint));
    },
    scoreboard: state.scoreboard,
  };
}

/** An approval that a changed cohort took back is none any more. */
function answerShown({ answer, approval }: MembershipState): Membership['answer'] {
  if (answer === null || (answer.answer === 'approved' && approval === null)) return null;
  return { answer: answer.answer, because: answer.because, isHeard: answer.isHeard };
}
