// A site of a masked buffer in a process of its own; it dies when it enters a given act, for the first time, into its ledger.
import { openSite } from '../../../src/sync/site/site.ts';
import { practiceWork, until } from './federation-fixture.ts';

const { folder, invite, name, step, examples, dieAt } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  /** Null for a site that joined already. */
  invite: string | null;
  name: string;
  step: number;
  examples: number;
  dieAt: string | null;
};
const site = await openSite({
  folder,
  siteName: name,
  work: practiceWork({ step, examples }),
  onChange: () => {},
  onLedger(act) {
    if (act === dieAt) process.kill(process.pid, 'SIGKILL');
  },
});
if (invite !== null) {
  await site.join(invite);
  await until('the project is announced', () => site.memberships()[0]?.project, 60_000);
  await site.approve('ImagiQ', 'chest');
}
process.send?.('ready');
