// A site in a process of its own, that a test stops or kills, or that dies at a file operation or a frame that the test names.
import type { SiteWork } from '../../../../src/sync/site/site-work.ts';
import { dieAt, type Death } from './die-at.ts';
import { speakAs } from './speak-as.ts';

export interface SiteProcessOrder {
  readonly folder: string;
  readonly name: string;
  readonly invite: string;
  readonly death: Death | null;
  readonly secondsPerUpdate: number;
  /** Each update moves the weights by so much more than the one before: no two of them are the same bytes. */
  readonly growth: number;
  /** What the site names in its handshake, where it is an older one. */
  readonly features: readonly string[] | null;
}

const order = JSON.parse(process.argv[2] ?? '{}') as SiteProcessOrder;
dieAt(order.death);
if (order.features !== null)
  speakAs(order.features, (await import('../../../../src/sync/protocol/limits.ts')).wireFeatures);
const { openSite } = await import('../../../../src/sync/site/site.ts');
const { practiceWork, until } = await import('../federation-fixture.ts');
const workOf = (step: number): SiteWork =>
  practiceWork({
    step,
    beforeUpdate: () => new Promise((resolve) => setTimeout(resolve, order.secondsPerUpdate * 1_000)),
  });
const site = await openSite({
  folder: order.folder,
  siteName: order.name,
  work: { ...workOf(1), trainUpdate: (update) => workOf(1 + order.growth * update.turn).trainUpdate(update) },
  random: () => 0.2,
  onChange: (membership) => process.send?.({ membership }),
  onLedger: () => {},
});
if (site.memberships().length === 0) await site.join(order.invite);
const membership = await until('the project is announced', () => {
  const [first] = site.memberships();
  return first?.project && first;
});
if (membership.cohort === null) await site.approve(membership.federation, 'chest');
process.send?.({ membership: site.memberships()[0] });
