// One membership's line to its hub: dialled, greeted, and its news handed on.
import type { Agent } from 'node:http';
import { type Channel, openChannel } from '../protocol/channel.ts';
import { wireFault } from '../protocol/faults.ts';
import { fromHubSchema } from '../protocol/messages.ts';
import { dial } from './dial.ts';
import type { HubNews } from './hub-news-reader.ts';
import { takeCertificate } from './membership-certificate.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { WayOut } from './way-out.ts';

export interface HubLine {
  /** With a code the site enrols. @throws the hub's refusal, or why it is not reached. */
  connect(inviteCode: string | null): Promise<Channel>;
  /** What the hub understands beyond the first version of the wire, by its last greeting. */
  features(): readonly string[];
}

export function openHubLine(order: {
  readonly desk: MembershipDesk;
  readonly wayOut: WayOut | undefined;
  readonly agent: Agent | null;
  readonly pingMs: number | null;
  readonly receive: (news: HubNews) => void;
}): HubLine {
  const { desk, wayOut, agent, pingMs } = order;
  const { state, keys, blobs } = desk;
  let features: readonly string[] = [];
  return {
    async connect(inviteCode) {
      const line = await dial({
        url: state.hubUrl,
        hubFingerprint: state.hubFingerprint,
        keys,
        site: state.site,
        ...(wayOut !== undefined && { wayOut }),
        inviteCode,
        lastModelSequence: state.lastModelSequence,
        agent,
        address: state.address,
      });
      state.hubKey = line.hello.hubKey;
      state.role = line.role;
      ({ features } = line.hello);
      if (line.membership !== null) takeCertificate(desk, line.membership);
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
          order.receive(message);
          return null;
        },
        onTraffic(sent, received) {
          state.bytesSent += sent;
          state.bytesReceived += received;
        },
        ...(pingMs === null ? {} : { pingMs }),
      });
    },
    features: () => features,
  };
}
