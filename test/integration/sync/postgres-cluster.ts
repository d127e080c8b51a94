// A PostgreSQL server of a test's own: made with initdb in a temporary folder, on a port that the system chose, ended with the test.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

/** The folder of initdb and pg_ctl; null on a machine without PostgreSQL. */
function postgresPrograms(): string | null {
  const installed = '/usr/lib/postgresql';
  const versions = existsSync(installed)
    ? readdirSync(installed).sort((one, other) => Number(other) - Number(one))
    : [];
  const folders = versions.map((version) => path.join(installed, version, 'bin'));
  return folders.find((bin) => existsSync(path.join(bin, 'initdb'))) ?? null;
}

/** Why tests that need it are skipped; null where they are not. */
export const postgresMissing =
  postgresPrograms() === null ? 'PostgreSQL is not installed (apt-get install postgresql)' : null;

export interface PostgresCluster {
  /** The address of a new, empty database, with a password in it. */
  newDatabase(): Promise<string>;
  /** As after a power cut: the server aborts, and recovers at the next start. */
  crash(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Durable against killed processes, which is what tests do; not against a power cut (`fsync=off`, for speed). */
export async function startPostgres(): Promise<PostgresCluster> {
  const bin = postgresPrograms()!;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-postgres-'));
  const data = path.join(folder, 'data');
  const passwordFile = path.join(folder, 'password');
  const password = randomBytes(12).toString('hex');
  writeFileSync(passwordFile, password);
  // The server refuses to run as root.
  const asServer = async (program: string, ...args: string[]): Promise<void> => {
    const whole = [path.join(bin, program), ...args];
    await (isRoot
      ? run('runuser', ['-u', 'postgres', '--', ...whole], { cwd: folder })
      : run(whole[0]!, whole.slice(1), { cwd: folder }));
  };
  if (isRoot) {
    const { stdout } = await run('id', ['-u', 'postgres']);
    for (const file of [folder, passwordFile]) chownSync(file, Number(stdout), -1);
  }
  await asServer(
    'initdb',
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  );
  const port = await freePort();
  const start = (): Promise<void> =>
    asServer(
      'pg_ctl',
      '-D',
      data,
      '-l',
      path.join(folder, 'log'),
      '-w',
      '-t',
      '120',
      '-o',
      `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=60`,
      'start',
    );
  await start();
  let databases = 0;
  const addressOf = (database: string): string => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  return {
    async newDatabase() {
      const name = `hub${(databases += 1)}`;
      await onDatabase(addressOf('postgres'), async (client) => void (await client.query(`CREATE DATABASE ${name}`)));
      return addressOf(name);
    },
    crash: () => asServer('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop'),
    start,
    async close() {
      await asServer('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop').catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A connection of the test itself. */
export async function onDatabase<Value>(address: string, act: (client: Client) => Promise<Value>): Promise<Value> {
  const client = new Client({ connectionString: address });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
