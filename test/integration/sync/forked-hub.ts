// A hub in a process of its own (hub-process.ts), as a test starts, watches and ends it.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HubNews } from '../../../src/sync/hub/hub.ts';
import type { HubStep } from '../../../src/sync/hub/hub-step.ts';
import type { practiceProject, TestBench } from './federation-fixture.ts';

export interface ForkedHub {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly invites: readonly string[];
  readonly news: HubNews[];
  readonly died: Promise<void>;
}

export interface ForkedHubOrder {
  readonly folder: string;
  readonly postgres?: string;
  readonly blobs?: string;
  readonly leaseMs?: number;
  readonly publicUrl?: string;
  readonly port?: number;
  readonly dieAt?: HubStep;
  /** 1 is the first time that the step is reached. */
  readonly dieAtTime?: number;
  /** What the process sends itself at that step: killed by default. */
  readonly dieBy?: 'SIGKILL' | 'SIGSTOP';
  readonly project: Parameters<typeof practiceProject>[0];
  /** How many weights the trunk has. */
  readonly weights?: number;
}

/** Resolves when it listens; ended with the bench. */
export async function forkHub(bench: TestBench, order: ForkedHubOrder): Promise<ForkedHub> {
  const file = fileURLToPath(new URL('hub-process.ts', import.meta.url));
  const whole = { port: 0, dieAt: null, dieAtTime: 1, dieBy: 'SIGKILL', weights: 64, ...order };
  const child = fork(file, [JSON.stringify(whole)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const died = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  bench.keep({
    async close() {
      child.kill('SIGKILL');
      await died;
    },
  });
  const news: HubNews[] = [];
  const ready = await new Promise<{ url: string; port: number; invites: string[] }>((resolve, reject) => {
    child.on('message', (message: { news: HubNews } | { url: string; port: number; invites: string[] }) => {
      if ('news' in message) news.push(message.news);
      else resolve(message);
    });
    void died.then(() => reject(new Error('the hub ended before it was ready')));
  });
  return { child, ...ready, news, died };
}
