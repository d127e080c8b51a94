// A whole hub, or a whole site, in a process of its own: what broken frames do to it is done to nobody else.
import { openHub } from '../../src/sync/hub/hub.ts';
import { openSite } from '../../src/sync/site/site.ts';
import { practiceWork } from '../../test/integration/sync/federation-fixture.ts';

export interface VictimOrder {
  readonly kind: 'hub' | 'site';
  readonly folder: string;
}
export type VictimNews =
  | { readonly port: number }
  | { readonly rss: number; readonly peakRss: number }
  | { readonly failed: string };

const order = JSON.parse(process.argv[2] ?? '{}') as VictimOrder;
const say = (news: VictimNews): void => void process.send?.(news);

async function openVictim(): Promise<{ close(): Promise<void>; port: number }> {
  if (order.kind === 'hub') {
    const hub = await openHub({ folder: order.folder, port: 0 });
    hub.watch((news) => {
      if (news.kind === 'failed') say({ failed: `${news.site}: ${news.fault.code} ${news.fault.message}` });
    });
    return hub;
  }
  const site = await openSite({
    folder: order.folder,
    siteName: 'Lyon',
    // It comes back at once, and never gets done with its next update.
    random: () => 0,
    work: practiceWork({ step: 1, beforeUpdate: () => new Promise(() => {}) }),
    onChange: () => {},
    onLedger: () => {},
  });
  return { close: () => site.close(), port: 0 };
}

const victim = await openVictim();
process.on('message', (message) => {
  if (message === 'memory') say({ rss: process.memoryUsage.rss(), peakRss: process.resourceUsage().maxRSS * 1_024 });
  // A site that is at work does not get done: what it must remember is on the disk at any moment.
  else if (order.kind === 'site') process.exit(0);
  else void victim.close().then(() => process.exit(0));
});
say({ port: victim.port });
