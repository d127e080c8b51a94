// The demo's hub as a process of its own: the ordinary `imagiq hub` and `imagiq invite`.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Project } from '../../contract/federation.ts';
import { Fault } from '../../contract/fault.ts';

const cliFile = fileURLToPath(new URL('../cli.ts', import.meta.url));
const startedSchema = z.object({ url: z.string(), port: z.number(), fingerprint: z.string() });
const invitesSchema = z.object({ invites: z.array(z.string()) });

export interface HubProcess {
  readonly process: ChildProcess;
  readonly url: string;
  readonly invites: readonly string[];
}

/**
 * Starts a hub with the project on a free port and makes `sites` invites.
 * @param onStart hears of the process at once, so that it is ended also when its start fails
 * @throws Fault 806 when it does not come up.
 */
export async function startHub(
  folder: string,
  project: Project,
  sites: number,
  onStart: (child: ChildProcess) => void,
): Promise<HubProcess> {
  mkdirSync(folder, { recursive: true });
  const projectFile = path.join(folder, 'project.json');
  writeFileSync(projectFile, JSON.stringify(project));
  const options = [
    'hub',
    '--data',
    folder,
    '--port',
    '0',
    '--federation',
    'Practice federation',
    '--project',
    projectFile,
    '--json',
  ];
  const child = spawn(process.execPath, [cliFile, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  onStart(child);
  const { url } = await firstLine(child);
  const { stdout } = await promisify(execFile)(process.execPath, [
    cliFile,
    'invite',
    '--data',
    folder,
    '--count',
    String(sites),
    '--json',
  ]);
  const { invites } = invitesSchema.parse(JSON.parse(stdout));
  return { process: child, url, invites };
}

function firstLine(child: ReturnType<typeof spawn>): Promise<z.infer<typeof startedSchema>> {
  return new Promise((resolve, reject) => {
    let out = '';
    let log = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const end = out.indexOf('\n');
      if (end >= 0) resolve(startedSchema.parse(JSON.parse(out.slice(0, end))));
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4_000);
    });
    child.on('exit', (code) =>
      reject(
        new Fault({
          code: 806,
          message: `The hub did not start (code ${code}): ${log.trim() || 'no reason given'}`,
          retry: 'never',
        }),
      ),
    );
  });
}
