// One process of a federation on the real clock: its hub, or one of its sites. It does what its parent says in one message, and tells
// what happens; the parent may kill it at any moment.
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../contract/fault.ts';
import { seededRandom } from '../aggregation/seeded-random.ts';
import { openHub } from '../hub/hub.ts';
import { openSite } from '../site/site.ts';
import { logisticWork } from './logistic-work.ts';
import { type FromProcess, processOrderSchema, type ProcessOrder } from './process-messages.ts';
import { trainingSeconds } from './training-times.ts';

/** What is thrown anywhere in here ends the process. */
const fail = (thrown: unknown): void =>
  void process.send?.({ kind: 'failed', reason: reasonOf(thrown) } satisfies FromProcess, () => process.exit(1));
process.once('uncaughtException', fail);
process.once('message', (message) => {
  const order = processOrderSchema.parse(message);
  (order.role === 'hub' ? runHub(order) : runSite(order)).catch(fail);
});
const tell = (message: FromProcess): void => void process.send?.(message);

async function runHub({ folder, port, scenario }: Extract<ProcessOrder, { role: 'hub' }>): Promise<void> {
  const task = logisticWork(scenario);
  const hub = await openHub({ folder, port, project: task.project, initialWeights: task.initialWeights });
  hub.watch((news) => {
    if (news.kind === 'site-enrolled') tell({ kind: 'site-enrolled' });
    if (news.kind === 'update-accepted' && !news.isDuplicate) tell({ kind: 'update-accepted' });
    if (news.kind !== 'trunk-committed') return;
    void (async () => {
      const weights = await hub.trunkWeights();
      if (weights === null) return;
      const score = await task.score(weights);
      tell({ kind: 'committed', version: news.version, updates: news.updates, isFinished: news.isFinished, score });
    })();
  });
  const invites: string[] = [];
  while (invites.length < scenario.sites) invites.push(await hub.createInvite());
  tell({ kind: 'ready', port: hub.port, invites });
}

async function runSite({
  folder,
  site: index,
  invite,
  scenario,
}: Extract<ProcessOrder, { role: 'site' }>): Promise<void> {
  const work = logisticWork(scenario).workOf(index);
  const random = seededRandom(scenario.seed * 1_000 + index);
  const times = trainingSeconds(scenario);
  let isApproved = false;
  const site = await openSite({
    folder,
    siteName: `Site ${index + 1}`,
    work: {
      ...work,
      async trainUpdate(order) {
        await sleep(times(index, random) * 1_000);
        return work.trainUpdate(order);
      },
    },
    onLedger: () => {},
    onChange({ federation, project, cohort, updates, meanStaleness, bytesSent, bytesReceived }) {
      tell({
        kind: 'site',
        fingerprint: site.fingerprint,
        accepted: updates.accepted,
        refused: updates.refused,
        meanStaleness,
        bytesSent,
        bytesReceived,
      });
      if (project === null || cohort !== null || isApproved) return;
      isApproved = true;
      void site.approve(federation, 'simulated').catch(() => {
        isApproved = false;
      });
    },
  });
  while (site.memberships().length === 0) {
    await site.join(invite).catch(() => sleep(1_000));
  }
}
