// A desktop's key chain for tests: a session bus and a GNOME keyring of their own, whose keyrings lie in a folder of the test's.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Names no folder of services: nobody is started to ask a person for a password. */
const busConfiguration = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`;

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
  const [address] = (await once(bus.stdout, 'data')) as [Buffer];
  const env = { DBUS_SESSION_BUS_ADDRESS: address.toString().trim(), XDG_RUNTIME_DIR: runtime };
  const keyring = spawn('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, ...env, HOME: folder, XDG_DATA_HOME: path.join(folder, 'data') },
  });
  keyring.stdin.end(password);
  const deadline = Date.now() + keyringDeadlineMs;
  while (!isServed(env)) {
    if (Date.now() > deadline) throw new Error('the GNOME keyring does not come to serve its secrets');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    env,
    words: ['--password-store=gnome-libsecret'],
    async close() {
      for (const one of [keyring, bus]) await ended(one);
    },
  };
}

function isServed(env: Readonly<Record<string, string>>): boolean {
  const question = ['--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner'];
  const { stdout } = spawnSync('dbus-send', [...question, 'string:org.freedesktop.secrets'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return stdout.includes('boolean true');
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}
