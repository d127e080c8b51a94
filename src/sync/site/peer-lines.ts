// The lines of one membership to its peers: opened to those who say where they listen, taken from those who come. On each line both
// ends tell the addresses that they know and offer the models that the other has not got. There is one line to a peer at most.
import type { WebSocket } from 'ws';
import { Fault } from '../../contract/fault.ts';
import { type AnswerBody, closeCodes, openChannel, type Channel } from '../protocol/channel.ts';
import { fingerprintOf } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import { openFrameQueue } from '../protocol/frame-queue.ts';
import { greetSite } from '../protocol/handshake.ts';
import { wireLimits } from '../protocol/limits.ts';
import { fromPeerSchema, type FromPeer } from '../protocol/messages.ts';
import { parseStatement, readSiteCard, type Signed, signStatement } from '../protocol/statement.ts';
import type { TransferMessage } from '../protocol/transfers.ts';
import { siteFault } from './faults.ts';
import { openLink, type Link } from './link.ts';
import { checkPeerCertificate } from './membership-certificate.ts';
import type { MembershipDesk } from './membership-desk.ts';
import { dialPeer, type GreetedPeer } from './peer-dial.ts';
import { openPeerAddresses } from './peer-addresses.ts';
import { peerLimits } from './peer-limits.ts';
import { isPeer as isPeerOf } from './peers.ts';

export interface PeerLines {
  /** The open line to a peer, or null. */
  to(fingerprint: string): Channel | null;
  /** Greets a peer that came to this site's door. Resolves when the handshake is over; never rejects. */
  welcome(socket: WebSocket): Promise<void>;
  /** Takes a device's word on its address. @returns whether it is news. */
  noteAddress(address: Signed): boolean;
  /** This site listens elsewhere, or no more: says so on every line. */
  tellAddress(): void;
  /** Why there is no line to a peer, by the last try from either side; null where there is one or none was tried. */
  problemWith(fingerprint: string): string | null;
  /** A peer is being dialled for the first time, and may answer yet. */
  isTrying(fingerprint: string): boolean;
  /** Resolves when no peer is being dialled for the first time any more. */
  tried(): Promise<void>;
  /** Dials at once those that wait for their next turn: this site has a new certificate to show. */
  hurry(): void;
  /** Members or addresses changed: opens and ends lines. */
  refresh(): void;
  close(): Promise<void>;
}

/** Messages that no question asked for, transfers apart. */
type PeerNews = Exclude<FromPeer, TransferMessage | { re: number }>;

interface Line {
  readonly channel: Channel;
  /** Who opened it: where both did, that of the lower fingerprint stands. */
  readonly dialler: string;
}

interface Dialled {
  readonly link: Link;
  readonly url: string;
  isTried: boolean;
}

export function openPeerLines(order: {
  readonly desk: MembershipDesk;
  readonly random: () => number;
  readonly pingMs: number | null;
  /** This site's own word on its address, if it has one. */
  readonly ownAddress: () => Signed | null;
  /** A line is open: what is published may be offered on it. */
  readonly onOpen: () => void;
  /** A model that the peer at the other end offers. @returns whether its bytes are wanted. */
  readonly onOffer: (offer: { readonly model: Signed; readonly sealedKey: string }) => boolean;
  /** A peer needs nothing more of a model. */
  readonly onTaken: (fingerprint: string, model: string) => void;
  /** Whether a peer may fetch a blob. */
  readonly maySend: (fingerprint: string, hash: string) => boolean;
}): PeerLines {
  const { desk } = order;
  const { state, keys, blobs } = desk;
  const lines = new Map<string, Line>();
  const dialled = new Map<string, Dialled>();
  const problems = new Map<string, string>();
  let isClosed = false;
  let wakeTried: (() => void)[] = [];

  const siteOf = (fingerprint: string): string => readSiteCard(state.cards[fingerprint]!).site;
  const isPeer = (fingerprint: string): boolean =>
    state.standing === 'member' && state.role !== 'observer' && isPeerOf(state, keys.fingerprint, fingerprint);
  /** @throws Fault 496 */
  const checkCertificate = (device: string, shown: Signed | null): void =>
    checkPeerCertificate({ state, device, site: siteOf(device), shown, now: desk.clock() });
  const addresses = openPeerAddresses({ desk, ownAddress: order.ownAddress, isPeer });

  const receive = (fingerprint: string, message: PeerNews): AnswerBody | null => {
    if (!isPeer(fingerprint)) throw siteFault.strangerHere();
    switch (message.kind) {
      case 'model-offered': {
        const { author } = parseStatement('model', message.model.statement);
        // A peer speaks for itself: what others wrote comes from them.
        if (author !== fingerprint) throw wireFault.malformedMessage('a model of another author');
        return { kind: 'model-noted', isWanted: order.onOffer(message) };
      }
      case 'model-taken':
        order.onTaken(fingerprint, message.model);
        return null;
      case 'addresses-told': {
        const isNews = message.addresses.map((address) => addresses.note(address)).includes(true);
        if (isNews) desk.save();
        if (isNews) peers.refresh();
        return null;
      }
    }
  };

  /** Puts a line in its place. @returns false when another to this peer stands. */
  const keep = (fingerprint: string, greeted: GreetedPeer, dialler: string): Channel | null => {
    const other = lines.get(fingerprint);
    if (other !== undefined && other.dialler !== dialler && other.dialler < dialler) {
      greeted.socket.close(closeCodes.superseded, 'another line to this site is open');
      return null;
    }
    const channel = openChannel({
      ...greeted,
      incoming: fromPeerSchema,
      blobs,
      mayReceive: () => {
        throw wireFault.malformedMessage('a peer offers models and does not push blobs');
      },
      maySend: (hash) => {
        if (!isPeer(fingerprint) || !order.maySend(fingerprint, hash)) throw wireFault.unknownBlob(hash);
      },
      receive: (message) => receive(fingerprint, message),
      onTraffic(sent, received) {
        state.bytesSent += sent;
        state.bytesReceived += received;
      },
      // One that ran out on a line that stands ends it: with a newer one it is opened again at once.
      onHeartbeat() {
        try {
          checkCertificate(fingerprint, greeted.membership);
        } catch {
          channel.close(closeCodes.refused, 'its certificate of membership is not good any more');
        }
      },
      ...(order.pingMs === null ? {} : { pingMs: order.pingMs }),
    });
    const line = { channel, dialler };
    lines.set(fingerprint, line);
    problems.delete(fingerprint);
    other?.channel.close(closeCodes.superseded, 'a newer line took over');
    void channel.ended.then(() => {
      if (lines.get(fingerprint) === line) lines.delete(fingerprint);
      desk.changed();
    });
    // After the other end has put its line in place too: its listeners wait from the handshake on.
    channel.send({ kind: 'addresses-told', addresses: addresses.told() });
    order.onOpen();
    desk.changed();
    return channel;
  };

  const settleTried = (): void => {
    if ([...dialled.values()].some(({ isTried }) => !isTried)) return;
    for (const wake of wakeTried.splice(0)) wake();
  };

  const connect = async (fingerprint: string): Promise<Channel> => {
    // One that came to this site's door is enough.
    for (let open = lines.get(fingerprint); open !== undefined; open = lines.get(fingerprint)) {
      tried(fingerprint);
      await open.channel.ended;
      if (isClosed) throw siteFault.peerUnreachable(siteOf(fingerprint), 'this site is closing');
    }
    const address = addresses.of(fingerprint);
    if (address === null) throw siteFault.peerUnreachable(siteOf(fingerprint), 'its address is not known');
    const card = signStatement(
      'site-card',
      { site: state.site, publicKey: keys.publicKey, boxPublicKey: keys.boxPublicKey },
      keys,
    );
    const { certificate: membership } = state;
    const greeted = await dialPeer({ address, site: siteOf(fingerprint), keys, card, membership });
    try {
      checkCertificate(fingerprint, greeted.membership);
    } catch (thrown) {
      greeted.socket.close(closeCodes.refused, 'refused');
      setTimeout(() => greeted.socket.terminate(), 1_000).unref();
      throw thrown;
    }
    if (isClosed) {
      greeted.socket.terminate();
      throw siteFault.peerUnreachable(siteOf(fingerprint), 'this site is closing');
    }
    const channel = keep(fingerprint, greeted, keys.fingerprint);
    if (channel === null) throw siteFault.peerUnreachable(siteOf(fingerprint), 'another line is open');
    return channel;
  };
  const tried = (fingerprint: string): void => {
    const one = dialled.get(fingerprint);
    if (one !== undefined) one.isTried = true;
    settleTried();
  };

  const failed = (fingerprint: string, { message }: Fault): void => {
    if (lines.has(fingerprint) || problems.get(fingerprint) === message) return;
    problems.set(fingerprint, message);
    desk.changed();
  };

  const dial = (fingerprint: string, url: string): void => {
    const link = openLink({
      connect: () => connect(fingerprint),
      onUp: () => tried(fingerprint),
      onDown(fault) {
        tried(fingerprint);
        failed(fingerprint, fault);
      },
      random: order.random,
      first: null,
    });
    // Where the peer came to this site’s door already nothing is tried.
    dialled.set(fingerprint, { link, url, isTried: lines.has(fingerprint) });
  };
  const hangUp = (fingerprint: string): Promise<void> | undefined => {
    const one = dialled.get(fingerprint);
    dialled.delete(fingerprint);
    problems.delete(fingerprint);
    settleTried();
    return one?.link.close();
  };

  const peers: PeerLines = {
    to: (fingerprint) => lines.get(fingerprint)?.channel ?? null,
    async welcome(socket) {
      const frames = openFrameQueue(socket, { frames: 8, bytes: wireLimits.handshakeFrameBytes });
      try {
        const { seal, member, membership } = await greetSite({
          socket,
          frames,
          keys,
          federation: state.federation,
          blobBytes: wireLimits.blobBytes,
          time: new Date(desk.clock()).toISOString(),
          admit(request) {
            const { publicKey } = readSiteCard(request.card);
            const fingerprint = fingerprintOf(publicKey);
            if (publicKey !== request.publicKey || isClosed || !isPeer(fingerprint)) throw siteFault.strangerHere();
            try {
              checkCertificate(fingerprint, request.membership);
            } catch (thrown) {
              if (thrown instanceof Fault) failed(fingerprint, thrown);
              throw thrown;
            }
            return fingerprint;
          },
          membershipFor: () => state.certificate,
        });
        keep(member, { socket, frames, seal, membership }, member);
      } catch {
        socket.close(closeCodes.refused, 'refused');
        setTimeout(() => socket.terminate(), 1_000).unref();
      }
    },
    noteAddress: addresses.note,
    tellAddress() {
      for (const { channel } of lines.values()) channel.send({ kind: 'addresses-told', addresses: addresses.told() });
    },
    problemWith: (fingerprint) => problems.get(fingerprint) ?? null,
    isTrying: (fingerprint) => dialled.get(fingerprint)?.isTried === false,
    tried() {
      const waits = [...dialled.values()].some(({ isTried }) => !isTried);
      return waits ? new Promise((resolve) => wakeTried.push(resolve)) : Promise.resolve();
    },
    hurry() {
      for (const { link } of dialled.values()) link.hurry();
    },
    refresh() {
      if (isClosed) return;
      for (const [fingerprint, { url }] of dialled) {
        if (!isPeer(fingerprint) || addresses.of(fingerprint)?.url !== url) void hangUp(fingerprint);
      }
      for (const [fingerprint, { channel }] of lines) {
        if (!isPeer(fingerprint)) channel.close(closeCodes.refused, 'not a member any more');
      }
      for (const fingerprint of Object.keys(state.addresses)) {
        const url = addresses.of(fingerprint)?.url ?? null;
        if (url === null || !isPeer(fingerprint) || dialled.has(fingerprint)) continue;
        if (dialled.size < peerLimits.dialled) dial(fingerprint, url);
      }
    },
    async close() {
      isClosed = true;
      for (const { channel } of lines.values()) channel.close(closeCodes.goingAway, 'the site is closing');
      await Promise.all([...dialled.keys()].map(async (fingerprint) => hangUp(fingerprint)));
      wakeTried.splice(0).forEach((wake) => wake());
    },
  };
  return peers;
}
