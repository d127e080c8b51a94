// The site that is tried: a hub's place at which it calls, with the keys of its invite, that says what a check tells it to.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import type { WebSocket } from 'ws';
import { Fault } from '../../contract/fault.ts';
import { createDeviceKeys, type DeviceKeys } from '../protocol/device-keys.ts';
import { openDoor } from '../protocol/door.ts';
import { type FrameQueue, openFrameQueue } from '../protocol/frame-queue.ts';
import { greetSite, type PeerRequest } from '../protocol/handshake.ts';
import { formatInvite } from '../protocol/invite-link.ts';
import { wireLimits } from '../protocol/limits.ts';
import { decodeMessage, type FromHub, fromSiteSchema } from '../protocol/messages.ts';
import { Nonconformity } from './check.ts';

/** A site comes back within a second, and after some failures within a minute (1.5). */
const comesBackMs = 90_000;
const joinsMs = 15 * 60_000;

export interface SiteLine {
  readonly socket: WebSocket;
  readonly closed: Promise<void>;
  /** The site's `open`, as it was sent. */
  readonly openText: string;
  readonly request: PeerRequest;
  say(message: FromHub): void;
  /** A frame that is not sent yet. */
  sealed(message: object): string;
  /** What it said that cannot be read; null so far. */
  broken(): Error | null;
}

export interface Caller {
  readonly socket: WebSocket;
  readonly closed: Promise<void>;
  /** Does the hub's part of the handshake. `admit` throws the Fault that the site is refused with. @throws Nonconformity */
  greet(order?: { readonly keys?: DeviceKeys; readonly admit?: (request: PeerRequest) => void }): Promise<SiteLine>;
}

export interface SiteUnderTest {
  /** What the site is to join by. */
  readonly invite: string;
  readonly code: string;
  readonly keys: DeviceKeys;
  /** The next call of the site, the first one after a person had it join. @throws Nonconformity where none comes */
  nextCall(): Promise<Caller>;
  /** Whether it calls within so many milliseconds. */
  calls(ms: number): Promise<boolean>;
  close(): void;
}

/** @throws Fault where the port cannot be listened on */
export async function siteUnderTest(port: number, waits = { joinsMs, comesBackMs }): Promise<SiteUnderTest> {
  const keys = createDeviceKeys();
  const code = randomBytes(16).toString('base64url');
  const waiting: Caller[] = [];
  let wake: () => void = () => {};
  let hasCalled = false;
  const door = openDoor({
    server: createServer(),
    maxStrangers: 16,
    cannotListen: (reason) =>
      new Fault({ code: 500, message: `The test cannot listen on port ${port}: ${reason}.`, retry: 'later' }),
    welcome(socket) {
      waiting.push(callerOf(socket, keys));
      wake();
      return Promise.resolve();
    },
  });
  const listening = await door.open(port, '127.0.0.1');
  /** Takes nobody: who calls stays for the next to ask. */
  const calls = (ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(waiting.length > 0), ms);
      wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
      if (waiting.length > 0) wake();
    });
  return {
    invite: formatInvite({
      version: 1,
      url: `ws://127.0.0.1:${listening}`,
      code,
      hubFingerprint: keys.fingerprint,
      federation: 'Conformance test',
      expiresAt: new Date(Date.now() + waits.joinsMs).toISOString(),
    }),
    code,
    keys,
    async nextCall() {
      const ms = hasCalled ? waits.comesBackMs : waits.joinsMs;
      if (!(await calls(ms))) throw new Nonconformity(`A call of the site: nothing within ${ms / 1_000} s`);
      hasCalled = true;
      return waiting.shift()!;
    },
    calls,
    close: () => door.close(),
  };
}

/** Whoever opened a socket, before anything is said. */
export function callerOf(socket: WebSocket, ownKeys: DeviceKeys): Caller {
  const queue = openFrameQueue(socket, { frames: 8, bytes: wireLimits.frameBytes });
  const said: string[] = [];
  const frames: FrameQueue = {
    async nextText(deadlineMs) {
      const text = await queue.nextText(deadlineMs);
      said.push(text);
      return text;
    },
    handOver: (listener) => queue.handOver(listener),
  };
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    socket,
    closed,
    async greet({ keys = ownKeys, admit } = {}) {
      let asked: PeerRequest | null = null;
      const { seal } = await greetSite({
        socket,
        frames,
        keys,
        federation: 'Conformance test',
        blobBytes: wireLimits.blobBytes,
        time: new Date().toISOString(),
        admit(request) {
          asked = request;
          admit?.(request);
        },
      });
      if (asked === null) throw new Nonconformity('It did not say who it is.');
      let broken: Error | null = null;
      frames.handOver((frame) => {
        if (!('text' in frame)) return;
        try {
          decodeMessage(fromSiteSchema, seal.open(frame.text));
        } catch (thrown) {
          broken ??= thrown instanceof Error ? thrown : new Error(String(thrown));
        }
      });
      return {
        socket,
        closed,
        openText: said[0] ?? '',
        request: asked,
        say: (message) => socket.send(seal.seal(JSON.stringify(message))),
        sealed: (message) => seal.seal(JSON.stringify(message)),
        broken: () => broken,
      };
    },
  };
}
