// A station's door for other processes of the same user on the same machine: a socket in the home folder (on Windows a named
// pipe), speaking the contract's envelopes, each as 4-byte length + structured clone. So `imagiq` works while the app is open.
import { EventEmitter, once } from 'node:events';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { z } from 'zod';
import {
  type Abandon,
  type CallName,
  type EventName,
  events,
  fromStationSchema,
  type ToStation,
} from '../contract/calls.ts';
import { Fault } from '../contract/fault.ts';
import { stationFault } from './faults.ts';
import { type Answer, openOrders } from './orders.ts';
import { writeFileDurably } from './home/durable-file.ts';

/** Largest message either way: a frame of a large image fits. */
const maxMessageBytes = 512 * 1024 * 1024;
/** How long a caller waits for the connection. */
const connectDeadlineMs = 5_000;

/** What comes through the door: first that one is let in, and that the station stays as long as one is there. */
const fromDoorSchema = z.union([z.object({ welcome: z.literal(true) }), fromStationSchema]);
type FromDoor = z.infer<typeof fromDoorSchema>;

/** Socket paths are limited to 104 bytes on macOS, 108 on Linux. */
const maxSocketPathBytes = 100;

/** Where a home folder's socket is: in it where the path is short enough, else where the folder's `socket.path` says. */
function socketPath(home: string): string | null {
  const folder = path.resolve(home);
  if (process.platform === 'win32') {
    return `\\\\.\\pipe\\imagiq-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
  }
  const inside = path.join(folder, 'station.sock');
  if (Buffer.byteLength(inside) < maxSocketPathBytes) return inside;
  try {
    return readFileSync(path.join(folder, 'socket.path'), 'utf8');
  } catch {
    return null;
  }
}

/** A fresh place for the socket; what a killed process left is removed. Nobody else may enter a folder of `mkdtemp`. */
function makeSocketPlace(home: string): { file: string; remove: () => void } {
  const old = socketPath(home);
  if (process.platform === 'win32') return { file: old as string, remove: () => {} };
  if (old !== null) rmSync(old, { force: true });
  if (old === path.join(path.resolve(home), 'station.sock')) {
    return { file: old, remove: () => rmSync(old, { force: true }) };
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-'));
  const file = path.join(folder, 'station.sock');
  const pointer = path.join(path.resolve(home), 'socket.path');
  writeFileDurably(pointer, file);
  return {
    file,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
      rmSync(pointer, { force: true });
    },
  };
}

export interface LocalDoor {
  tell(event: EventName, value: unknown): void;
  /** How many other processes use this station now. */
  guests(): number;
  /** Closes once the last of them has left. Others may come until then; those who knock too late have not been let in. */
  closeWhenAlone(): Promise<void>;
  /** Closes at once. */
  close(): Promise<void>;
}

/** Serves `answer` on the home folder's socket. The caller holds the home folder's lock, so a socket found there is dead. */
export async function serveLocalStation(home: string, answer: Answer): Promise<LocalDoor> {
  const place = makeSocketPlace(home);
  const open = new Set<Socket>();
  const left = new EventEmitter();
  const server = createServer((socket) => {
    open.add(socket);
    writeMessage(socket, { welcome: true });
    socket.on('close', () => {
      open.delete(socket);
      left.emit('left');
    });
    socket.on('error', () => socket.destroy());
    const take = openOrders(answer, (message) => writeMessage(socket, message));
    readMessages(socket, (message) => {
      if (!take(message)) socket.destroy();
    });
  });
  server.listen(place.file);
  await once(server, 'listening').catch((error: unknown) => {
    place.remove();
    throw error;
  });
  // One that could not be let in, where the system has no more handles for example, is told by its own end.
  server.on('error', () => {});
  if (process.platform !== 'win32') chmodSync(place.file, 0o600);
  server.unref();
  /** Resolves when nobody is there any more. */
  const closed = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        place.remove();
        resolve();
      });
    });
  return {
    tell: (event, value) => {
      for (const socket of open) writeMessage(socket, { event, value });
    },
    guests: () => open.size,
    async closeWhenAlone() {
      while (open.size > 0) await once(left, 'left');
      // Whoever came in between is waited for as well.
      await closed();
    },
    close() {
      for (const socket of open) socket.destroy();
      return closed();
    },
  };
}

export interface LocalLink {
  call(name: CallName, input: unknown, signal?: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

/** Connects to the station that runs on `home`. @throws Fault 611 when none answers. */
export async function connectLocalStation(
  home: string,
  onEvent: (event: EventName, value: unknown) => void,
): Promise<LocalLink> {
  const file = socketPath(home);
  if (file === null) throw stationFault.noAnswer();
  const socket = createConnection(file);
  /** The system connects also to a door that is about to close: who is let in is told so. */
  let letIn = (): void => {};
  const isLetIn = new Promise<void>((resolve, reject) => {
    letIn = resolve;
    const notLetIn = (): void => reject(stationFault.noAnswer());
    socket.setTimeout(connectDeadlineMs, notLetIn);
    socket.once('error', notLetIn);
    socket.once('close', notLetIn);
  });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Fault) => void }>();
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(stationFault.noAnswer());
    waiting.clear();
  });
  readMessages(socket, (raw) => {
    const message = fromDoorSchema.safeParse(raw);
    if (!message.success || 'preparing' in message.data) return;
    if ('welcome' in message.data) return letIn();
    if ('event' in message.data) {
      const { event } = message.data;
      const value = events[event].safeParse(message.data.value);
      if (value.success) onEvent(event, value.data);
      return;
    }
    const caller = waiting.get(message.data.id);
    waiting.delete(message.data.id);
    if ('fault' in message.data) caller?.reject(new Fault(message.data.fault));
    else caller?.resolve(message.data.value);
  });
  await isLetIn.catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  socket.setTimeout(0);
  let lastId = 0;
  return {
    call(name, input, signal) {
      lastId += 1;
      const id = lastId;
      const abandon = (): void => writeMessage(socket, { abandon: id });
      return new Promise((resolve, reject) => {
        if (socket.destroyed) throw stationFault.noAnswer();
        waiting.set(id, { resolve, reject });
        writeMessage(socket, { id, call: name, arguments: input });
        signal?.addEventListener('abort', abandon, { once: true });
        if (signal?.aborted) abandon();
      }).finally(() => signal?.removeEventListener('abort', abandon));
    },
    close: async () => {
      socket.destroy();
    },
  };
}

function writeMessage(socket: Socket, message: FromDoor | ToStation | Abandon): void {
  if (socket.destroyed) return;
  const body = serialize(message);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  socket.write(length);
  socket.write(body);
}

function readMessages(socket: Socket, onMessage: (message: unknown) => void): void {
  let parts: Buffer[] = [];
  let held = 0;
  let needed = 4;
  let isLength = true;
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    held += chunk.length;
    while (held >= needed) {
      const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      const taken = all.subarray(0, needed);
      const rest = all.subarray(needed);
      parts = rest.length > 0 ? [rest] : [];
      held = rest.length;
      if (isLength) {
        needed = taken.readUInt32LE();
        isLength = false;
        if (needed > maxMessageBytes) {
          socket.destroy();
          return;
        }
      } else {
        needed = 4;
        isLength = true;
        try {
          onMessage(deserialize(taken));
        } catch {
          socket.destroy();
          return;
        }
      }
    }
  });
}
