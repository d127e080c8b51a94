// A stranger at the hub's door: greeted, and let in as a member or by an invite, or sent away with the reason.
import type { WebSocket } from 'ws';
import { Fault } from '../../contract/fault.ts';
import { closeCodes } from '../protocol/channel.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import { type FrameQueue, openFrameQueue } from '../protocol/frame-queue.ts';
import { greetSite } from '../protocol/handshake.ts';
import { wireLimits } from '../protocol/limits.ts';
import type { Signed } from '../protocol/statement.ts';
import type { Certificates } from './certificates.ts';
import { hubFault } from './faults.ts';
import type { HubNews } from './hub-news.ts';
import { openInviteGuard } from './invite-guard.ts';
import type { AdmittedSite, Members } from './members.ts';

/** Who was let in, and what it said of itself. */
export interface LetIn extends Omit<Awaited<ReturnType<typeof greetSite<AdmittedSite>>>, 'membership'> {
  readonly frames: FrameQueue;
  /** It enrolled with this connection. */
  readonly isNew: boolean;
  /** Where it says that its peers reach it. */
  readonly address: Signed | null;
}

/** @returns greets one; null for one that was sent away, which is told. Never rejects. */
export function openStrangers(order: {
  readonly keys: DeviceKeys;
  readonly federation: string;
  readonly blobLimitBytes: () => Promise<number>;
  readonly members: Members;
  readonly certificates: Certificates;
  readonly clock: () => number;
  readonly tell: (news: HubNews) => void;
  /** Hears of what broke inside meanwhile. */
  readonly onFailed: (thrown: unknown) => void;
}): (socket: WebSocket, from: string | null) => Promise<LetIn | null> {
  const { keys, federation, members, certificates, clock, tell } = order;
  const guard = openInviteGuard(clock);
  return async (socket, from) => {
    const frames = openFrameQueue(socket, { frames: 8, bytes: wireLimits.handshakeFrameBytes });
    let isNew = false;
    let isAsking = false;
    let address: Signed | null = null;
    try {
      const greeted = await greetSite<AdmittedSite>({
        socket,
        frames,
        keys,
        federation,
        blobBytes: await order.blobLimitBytes(),
        time: new Date(clock()).toISOString(),
        roleOf: ({ role }) => role,
        admit: (request) => {
          isAsking = true;
          isNew = request.inviteCode !== null;
          ({ address } = request);
          return guard.admit(isNew, () => members.admit(request));
        },
        membershipFor: certificates.issue,
      });
      return { ...greeted, frames, isNew, address };
    } catch (thrown) {
      if (thrown instanceof Fault) tell({ kind: 'site-refused', from, fault: atDoor(thrown).toValue() });
      else order.onFailed(thrown);
      // Who did not come as far as asking to be let in said what is no handshake.
      const isMalformed = !isAsking && thrown instanceof Fault && thrown.code === malformedCode;
      socket.close(isMalformed ? closeCodes.malformed : closeCodes.refused, isMalformed ? 'no handshake' : 'refused');
      setTimeout(() => socket.terminate(), 1_000).unref();
      return null;
    }
  };
}

const malformedCode = wireFault.malformedMessage('').code;

/** What ended a greeting, as the hub's log has it: a line that a site closed is no refusal by the hub. */
function atDoor(fault: Fault): Fault {
  const isClosed = fault.code === wireFault.closed('').code;
  return isClosed ? hubFault.leftAtDoor(fault.message.includes(`code ${closeCodes.refused}`)) : fault;
}
