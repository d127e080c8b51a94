// Whether, and where, this site listens for its peers: off until somebody with authority over the network turns it on.
import { openTurns } from '../../contract/in-turn.ts';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { WebSocket } from 'ws';
import { type Listening, type ListeningRules, listeningRulesSchema } from '../../contract/peers.ts';
import { Fault, faultValueOf } from '../../contract/fault.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { parseJson } from '../protocol/statement.ts';
import { siteFault } from './faults.ts';
import type { KeySealing } from './key-sealing.ts';
import { openPeerCertificate } from './peer-certificate.ts';
import { openPeerDoor, type PeerDoor } from './peer-door.ts';

export interface SiteListening {
  readonly now: Listening;
  /** What peers are told; null where nobody listens. */
  address(): { readonly url: string; readonly certificate: string } | null;
  /** One change after another. @throws Fault 493–495; what was before stands then. */
  change(rules: ListeningRules): Promise<void>;
  close(): void;
}

/** A name, or an IPv4 address, or an IPv6 one in brackets. */
const hostPattern = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)$/;

/** Opens the door as it was left. That it cannot be opened is no reason not to work: it is told in `now`. */
export async function openListening(order: {
  readonly folder: string;
  readonly sealing: KeySealing;
  readonly welcome: (socket: WebSocket, hubFingerprint: string) => Promise<void>;
}): Promise<SiteListening> {
  const file = path.join(order.folder, 'listening.json');
  const stored = existsSync(file) ? listeningRulesSchema.safeParse(parseJson(readFileSync(file, 'utf8'))) : null;
  let rules: ListeningRules = stored?.data ?? { isOn: false, port: 0, address: null };
  let door: PeerDoor | null = null;
  let problem: string | null = null;
  let isClosed = false;

  const certificate = () => openPeerCertificate(path.join(order.folder, 'keys'), order.sealing);
  const open = async ({ port, address }: ListeningRules): Promise<PeerDoor> => {
    if (address === null || !hostPattern.test(address)) throw siteFault.badPeerAddress(address ?? 'nothing');
    const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(address);
    const host = isLoopback ? '127.0.0.1' : '0.0.0.0';
    const opened = await openPeerDoor({ port, host, certificate: certificate(), welcome: order.welcome });
    // Nobody would close it any more.
    if (isClosed) opened.close();
    return opened;
  };

  const inTurn = openTurns();

  const changeNow = async (next: ListeningRules): Promise<void> => {
    const before = door;
    // The port may be the same: the old door closes first, and opens again where the new one cannot.
    before?.close();
    door = null;
    try {
      door = next.isOn ? await open(next) : null;
    } catch (thrown) {
      if (before !== null) door = await open({ ...rules, port: before.port }).catch(() => null);
      throw thrown;
    }
    // A port that was chosen freely stays: firewalls know it from now on.
    rules = { ...next, port: door?.port ?? next.port };
    problem = null;
    writeFileDurably(file, JSON.stringify(rules), 0o600);
  };

  if (rules.isOn) {
    try {
      door = await open(rules);
    } catch (thrown) {
      problem = (thrown instanceof Fault ? thrown : new Fault(faultValueOf(thrown), thrown)).message;
    }
  }

  return {
    get now() {
      return { ...rules, listensOn: door?.port ?? null, problem };
    },
    address() {
      if (door === null || rules.address === null) return null;
      return { url: `wss://${rules.address}:${door.port}`, certificate: certificate().certificate };
    },
    change: (next) => inTurn(() => changeNow(next)),
    close() {
      isClosed = true;
      door?.close();
    },
  };
}
