// Sites and a hub as processes of their own, for tests that kill them: what a test says to them, and what it hears.
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Membership, Project } from '../../../src/contract/federation.ts';
import type { LedgerDetail } from '../../../src/sync/site/membership-desk.ts';
import type { PeerOrder } from './peer-process.ts';
import { until } from './federation-fixture.ts';

export interface PeerProcess {
  readonly ledger: { act: string; detail: LedgerDetail }[];
  /** The newest that it told. */
  membership: Membership | null;
  order<T>(order: Omit<PeerOrder, 'id'>): Promise<T>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export async function startPeer(order: {
  readonly folder: string;
  readonly name: string;
  readonly step: number;
  readonly goal: number;
  readonly isListening: boolean;
  readonly secondsPerUpdate?: number;
  /** What the site names in its handshakes, where it is an older one. */
  readonly features?: readonly string[];
}): Promise<PeerProcess> {
  const child = fork(fileOf('./peer-process.ts'), [JSON.stringify(order)], { serialization: 'advanced' });
  const answers = new Map<number, (answer: { value?: unknown; error?: string }) => void>();
  let lastId = 0;
  let isReady = false;
  const peer: PeerProcess = {
    ledger: [],
    membership: null,
    order<T>(body: Omit<PeerOrder, 'id'>) {
      const id = ++lastId;
      return new Promise<T>((resolve, reject) => {
        answers.set(id, ({ value, error }) => (error === undefined ? resolve(value as T) : reject(new Error(error))));
        child.send({ ...body, id });
      });
    },
    kill: () => killed(child),
  };
  child.on('message', (message: Record<string, unknown>) => {
    if (message['isReady'] === true) isReady = true;
    if ('membership' in message) peer.membership = message['membership'] as Membership;
    if ('ledger' in message) peer.ledger.push(message['ledger'] as PeerProcess['ledger'][number]);
    if (typeof message['id'] === 'number') answers.get(message['id'])?.(message as { value?: unknown; error?: string });
  });
  await until(`${order.name} is there`, () => isReady, 60_000);
  return peer;
}

export interface HubProcess {
  readonly port: number;
  readonly invites: readonly string[];
  kill(): Promise<void>;
}

export async function startHubProcess(order: {
  readonly folder: string;
  readonly port: number;
  readonly project: Partial<Project> & { rule?: Partial<Project['trunkRule']> };
}): Promise<HubProcess> {
  const child = fork(fileOf('./hub-process.ts'), [JSON.stringify({ ...order, dieAt: null, dieAtTime: 0 })]);
  const started = await new Promise<{ port: number; invites: string[] }>((resolve, reject) => {
    child.on('message', (message: { port?: number; invites?: string[] }) => {
      if (message.port !== undefined) resolve({ port: message.port, invites: message.invites ?? [] });
    });
    child.once('exit', (code) => reject(new Error(`the hub ended with ${code}`)));
  });
  return { ...started, kill: () => killed(child) };
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
