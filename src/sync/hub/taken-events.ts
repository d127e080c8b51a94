// What a hub does about each event of the database's log, whichever process wrote it.
import type { FaultValue } from '../../contract/fault.ts';
import { faultSchema } from '../../contract/fault-schema.ts';
import { parseJson } from '../protocol/statement.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import type { HubEvent } from './event-log.ts';
import type { HubSessions } from './hub-sessions.ts';
import type { MaskedBuffers } from './masked-buffers.ts';
import type { Trunk } from './trunk.ts';

/** @returns takes one event. */
export function takenEvents(order: {
  readonly isShared: boolean;
  readonly sessions: HubSessions;
  readonly trunk: Trunk;
  readonly masked: MaskedBuffers;
  readonly announceProject: () => Promise<void>;
}): (event: HubEvent) => Promise<void> {
  const { isShared, sessions, trunk, masked, announceProject } = order;
  return async ({ kind, subject, detail, isOwn }) => {
    // A hub alone has done already what it writes; what a shared database did not confirm may have happened all the same.
    if (isOwn && !isShared) return;
    switch (kind) {
      case 'member-changed':
        await sessions.siteChanged(subject);
        return masked.siteChanged(subject);
      case 'model-published':
        return sessions.offerModels();
      case 'project-chosen':
        if (!isOwn) await announceProject();
        await trunk.catchUp();
        return masked.resume();
      case 'update-accepted':
        if (isOwn) return;
        await sessions.siteChanged(subject);
        return trunk.catchUp();
      case 'trunk-committed':
        return trunk.catchUp();
      case 'update-discarded':
        // One's own sites were told when it happened.
        return isOwn ? undefined : sessions.tellDiscards(subject);
      case 'masked-buffer-changed':
        return masked.changed(isOwn);
      case 'masked-buffer-ended':
        if (isOwn) return;
        return masked.ended(subject, detail === null ? null : faultIn(detail));
    }
  };
}

/** As another hub wrote it, of another version perhaps: what it ended has ended whatever it says. */
function faultIn(detail: string): FaultValue {
  const { data } = faultSchema.safeParse(parseJson(detail));
  return data ?? maskingFault.bufferEnded().toValue();
}
