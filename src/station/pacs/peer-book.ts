// The peers, in peers.json of the home folder, which only this user may read: it holds the
// passwords. They are handed to clients, never told to a window, a command line or a log.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type Peer, peerSchema } from '../../contract/pacs.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import { pacsFault } from './faults.ts';

const bookSchema = z.object({ version: z.literal(1), peers: z.array(peerSchema) });

export interface PeerBook {
  /** By name, without passwords. */
  peers(): Peer[];
  /** With its password, for whoever speaks to it. @throws Fault 650 where there is none of that name. */
  peer(name: string): Peer;
  /**
   * Adds a peer or replaces the one of the same name. Without a password it keeps the one that it has, as long as user
   * and server are the same: a password never goes to a server that it was not entered for.
   */
  save(peer: Peer): void;
  /** @throws Fault 650. */
  remove(name: string): void;
}

/** @throws Fault 663 when the file is damaged: it is not overwritten. */
export function openPeerBook(folder: string): PeerBook {
  const file = path.join(folder, 'peers.json');
  let book = readBook(file);

  const write = (next: typeof book): void => {
    writeFileDurably(file, `${JSON.stringify(next, null, 2)}\n`, 0o600);
    book = next;
  };
  const peer: PeerBook['peer'] = (name) => {
    const found = book.peers.find((candidate) => candidate.name === name);
    if (found === undefined) throw pacsFault.unknownPeer(name);
    return found;
  };

  return {
    peers: () => book.peers.map(withoutPassword),
    peer,
    save(given) {
      const before = book.peers.find((candidate) => candidate.name === given.name);
      const others = book.peers.filter((candidate) => candidate.name !== given.name);
      const peers = [...others, completed(given, before)].sort((a, b) => a.name.localeCompare(b.name, 'en'));
      write({ ...book, peers });
    },
    remove(name) {
      peer(name);
      write({ ...book, peers: book.peers.filter((candidate) => candidate.name !== name) });
    },
  };
}

function readBook(file: string): z.infer<typeof bookSchema> {
  if (!existsSync(file)) return bookSchema.parse({ version: 1, peers: [] });
  try {
    return bookSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    // The cause stays out of the message: a schema's complaint may quote a password.
    if (error instanceof SyntaxError || error instanceof z.ZodError) throw pacsFault.peersDamaged(file);
    throw error;
  }
}

function withoutPassword(peer: Peer): Peer {
  return peer.kind === 'dicomweb' ? { ...peer, password: null } : peer;
}

function completed(given: Peer, before: Peer | undefined): Peer {
  if (given.kind === 'dimse') return given;
  const peer = withoutUserInAddress(given);
  if (peer.user === null) return { ...peer, password: null };
  if (peer.password !== null || before?.kind !== 'dicomweb') return peer;
  const isSameServer = new URL(before.url).origin === new URL(peer.url).origin && before.user === peer.user;
  return isSameServer ? { ...peer, password: before.password } : peer;
}

/** Addresses are shown; `https://user:password@host/` would show a password with them. */
function withoutUserInAddress(peer: Extract<Peer, { kind: 'dicomweb' }>): typeof peer {
  const url = new URL(peer.url);
  if (url.username === '' && url.password === '') return peer;
  const user = peer.user ?? decodeURIComponent(url.username);
  const password = peer.password ?? decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  return { ...peer, url: url.href, user, password };
}
