// Hubs and sites as processes of their own, ended with the test.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Membership } from '../../../../src/contract/federation.ts';
import type { HubNews } from '../../../../src/sync/hub/hub-news.ts';
import type { TestBench } from '../federation-fixture.ts';
import type { HubProcessOrder } from './hub-process.ts';
import type { SiteProcessOrder } from './site-process.ts';

interface Process {
  readonly child: ChildProcess;
  /** Resolves with the signal that ended it. */
  readonly died: Promise<NodeJS.Signals | null>;
}
export interface HubProcess extends Process {
  readonly port: number;
  readonly invites: readonly string[];
  readonly news: HubNews[];
  newInvite(): Promise<string>;
}
export interface SiteProcess extends Process {
  membership(): Membership | null;
}

export function processesOf(bench: TestBench) {
  const start = (file: string, order: object): Process => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(order)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('error', () => {});
    const died = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    bench.keep({
      async close() {
        child.kill('SIGKILL');
        await died;
      },
    });
    return { child, died };
  };
  return {
    async hubProcess(
      order: Partial<HubProcessOrder> & Pick<HubProcessOrder, 'folder' | 'project'>,
    ): Promise<HubProcess> {
      const whole: HubProcessOrder = {
        port: 0,
        weights: 64,
        tensors: null,
        features: null,
        invites: 2,
        dieAtStep: null,
        death: null,
        pingMs: 20_000,
        ...order,
      };
      const { child, died } = start('hub-process.ts', whole);
      const news: HubNews[] = [];
      const waiting: ((invite: string) => void)[] = [];
      const ready = await new Promise<{ port: number; invites: string[] }>((resolve, reject) => {
        child.on('message', (message: { news: HubNews } | { invite: string } | { port: number; invites: string[] }) => {
          if ('news' in message) news.push(message.news);
          else if ('invite' in message) waiting.shift()?.(message.invite);
          else resolve(message);
        });
        void died.then(() => reject(new Error('the hub ended before it was ready')));
      });
      return {
        child,
        died,
        ...ready,
        news,
        newInvite: () =>
          new Promise((resolve) => {
            waiting.push(resolve);
            child.send('invite');
          }),
      };
    },
    siteProcess(order: Partial<SiteProcessOrder> & Pick<SiteProcessOrder, 'folder' | 'invite'>): SiteProcess {
      const whole: SiteProcessOrder = {
        name: 'Lyon',
        death: null,
        secondsPerUpdate: 0,
        growth: 0,
        features: null,
        ...order,
      };
      const process = start('site-process.ts', whole);
      let last: Membership | null = null;
      process.child.on('message', ({ membership }: { membership: Membership }) => {
        last = membership;
      });
      return { ...process, membership: () => last };
    },
  };
}
