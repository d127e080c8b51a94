// A desktop's key chain for tests: a session bus and a GNOME keyring of their own, whose keyrings lie in a folder of the test's.
import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';

/** Names no folder of services: nobody is started to ask a person for a password. */
const busConfiguration = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`;

const busDeadlineMs = 10_000;
const keyringDeadlineMs = 30_000;

export interface KeyChain {
  /** For a window that is to use it. */
  readonly env: Readonly<Record<string, string>>;
  readonly words: readonly string[];
  close(): Promise<void>;
}

/** Why no key chain can be had here; null where one can. */
export function keyChainLacks(): string | null {
  if (process.platform !== 'linux') return 'a key chain of the test’s own is made with GNOME Keyring, on Linux';
  const missing = ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon'].filter(
    (name) => spawnSync('which', [name]).status !== 0,
  );
  return missing.length === 0 ? null : `not installed here: ${missing.join(', ')}`;
}

/** A login with this password: the keyring of the folder is made with it at first, and stays locked where it is another. */
export async function logIn(folder: string, password: string): Promise<KeyChain> {
  const runtime = path.join(folder, 'run');
  mkdirSync(runtime, { recursive: true });
  chmodSync(runtime, 0o700);
  const configuration = path.join(folder, 'bus.conf');
  writeFileSync(configuration, busConfiguration);
  const bus = spawn('dbus-daemon', [`--config-file=${configuration}`, '--nofork', '--print-address'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const started: ChildProcess[] = [bus];
  const close = async (): Promise<void> => {
    for (const one of started.toReversed()) await ended(one);
  };
  try {
    const env = { DBUS_SESSION_BUS_ADDRESS: await addressOf(bus), XDG_RUNTIME_DIR: runtime };
    const keyring = spawn('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, ...env, HOME: folder, XDG_DATA_HOME: path.join(folder, 'data') },
    });
    started.push(keyring);
    // One that ended before it read the password is told below.
    keyring.stdin.on('error', () => {}).end(password);
    const deadline = Date.now() + keyringDeadlineMs;
    while (!isServed(env)) {
      if (Date.now() > deadline || hasEnded(keyring)) {
        throw new Error('the GNOME keyring does not come to serve its secrets');
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { env, words: ['--password-store=gnome-libsecret'], close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the bus listens, as it prints it. */
async function addressOf(bus: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(busDeadlineMs)]);
  const gone = once(bus, 'exit', { signal }).then(() => {
    throw new Error('the session bus ended at its start');
  });
  try {
    const [address] = (await Promise.race([once(bus.stdout, 'data', { signal }), gone])) as [Buffer];
    return address.toString().trim();
  } finally {
    // The other one waits no longer, and nobody hears that it was told so.
    gone.catch(() => {});
    over.abort();
  }
}

function isServed(env: Readonly<Record<string, string>>): boolean {
  const question = ['--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner'];
  const { stdout } = spawnSync('dbus-send', [...question, 'string:org.freedesktop.secrets'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return stdout.includes('boolean true');
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function ended(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}
