// A membership as window and command line show it, from what the site keeps and what it is doing.
import type { Membership } from '../../contract/federation.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import type { MembershipState } from './membership-file.ts';
import type { Outbox } from './outbox.ts';
import type { WorkLoop } from './work-loop.ts';

export type ConnectionState = 'enrolling' | 'connecting' | 'online' | 'offline';

export function membershipView(order: {
  readonly state: MembershipState;
  readonly keys: DeviceKeys;
  readonly connection: ConnectionState;
  readonly reason: string | null;
  readonly loop: WorkLoop;
  readonly outbox: Outbox;
}): Membership {
  const { state, keys, connection, reason, loop, outbox } = order;
  return {
    federation: state.federation,
    hubUrl: state.hubUrl,
    hubFingerprint: state.hubFingerprint,
    site: state.site,
    siteFingerprint: keys.fingerprint,
    state:
      state.standing !== 'member' ? state.standing : state.project?.isFinished && loop.isDone ? 'finished' : connection,
    reason: reason,
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
  };
}
