// A coordinator's hub as it runs in earnest: the command line's `hub` in a process of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { newFolder } from './imagiq-window.ts';

const root = path.resolve(import.meta.dirname, '../..');
const commandLine = path.join(root, 'src', 'cli', 'cli.ts');

export interface HubProcess {
  readonly fingerprint: string;
  newInvite(): string;
  /** Signs one person in at the console, once. */
  consoleLink(): string;
  close(): Promise<void>;
}

interface HubOptions {
  readonly federation: string;
  /** Of a project on the small network. */
  readonly classes?: string;
  readonly commits?: number;
  /** A project's file, in their place. */
  readonly project?: string;
}

/** Starts a hub with a small project; resolves when it listens. */
export async function startHub(options: HubOptions): Promise<HubProcess> {
  const data = newFolder('hub');
  const hub: ChildProcess = spawn(
    process.execPath,
    [commandLine, '--json', 'hub', '--data', data, '--port', '0', ...projectOptions(options)],
    { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const opened = await new Promise<{ fingerprint: string }>((resolve, reject) => {
    hub.stdout?.once('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString()) as { fingerprint: string }));
    hub.once('exit', (code) => reject(new Error(`the hub ended with ${code}`)));
  });
  const ask = <Answer>(...words: string[]): Answer =>
    JSON.parse(
      execFileSync(process.execPath, [commandLine, '--json', ...words, '--data', data], {
        cwd: root,
        encoding: 'utf8',
      }),
    ) as Answer;
  return {
    fingerprint: opened.fingerprint,
    newInvite: () => ask<{ invite: string }>('invite').invite,
    consoleLink: () => ask<{ link: string }>('hub', 'console-link').link,
    close: () =>
      new Promise((resolve) => {
        hub.once('exit', () => resolve());
        hub.kill('SIGTERM');
      }),
  };
}

function projectOptions({ federation, classes = '', commits = 1, project }: HubOptions): string[] {
  const named = ['--federation', federation];
  if (project !== undefined) return [...named, '--project', project];
  const made = [
    '--network',
    'cnn-small',
    '--classes',
    classes,
    '--buffer',
    '1',
    '--sites-to-start',
    '1',
    '--commits',
    String(commits),
  ];
  return [...named, ...made];
}

/** A well-formed invite to a hub that nobody runs. */
export function inviteToNowhere(): string {
  const invite = {
    version: 1,
    url: 'ws://127.0.0.1:9',
    code: 'nobody-listens-there-at-all',
    hubFingerprint: 'ab'.repeat(32),
    federation: 'Nowhere',
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  };
  return `imagiq://join/${Buffer.from(JSON.stringify(invite)).toString('base64url')}`;
}
