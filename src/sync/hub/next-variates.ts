// SCAFFOLD at the hub: the control variates that a commit's updates bring, one of each site and the newest, and the trunk's that follows.
import { rangesOf } from '../aggregation/byte-ranges.ts';
import { openTrunkVariate } from '../aggregation/trunk-variate.ts';
import { carriedLayout, partsOf, variateLayout } from '../aggregation/update-layout.ts';
import { decodeUpdate } from '../aggregation/update.ts';
import { openWeights } from '../aggregation/update-values.ts';
import { decodeWeights, encodeWeights } from '../aggregation/weights.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { BufferedUpdate, CurrentProject, NewVariates, SiteVariate, TrunkStore } from './trunk-store.ts';

/**
 * Null where the project has none; with its last commit all go. Stores blobs, which count once a commit names them: the same updates and rows
 * give the same bytes. An update's staleness changes nothing here: its site's variate is the newest that there is of it.
 */
export async function nextVariates(order: {
  readonly store: TrunkStore;
  readonly blobs: BlobFolder;
  readonly current: CurrentProject;
  /** In the order of their acceptance. */
  readonly updates: readonly BufferedUpdate[];
  readonly isLast: boolean;
}): Promise<NewVariates | null> {
  const { store, blobs, current, updates, isLast } = order;
  const { project, projectHash, trunk: newestTrunk } = current;
  if (!project.controlVariates) return null;
  const held = await store.siteVariates(projectHash);
  if (isLast) return { trunk: null, sites: [], replaced: held.map(({ blob }) => blob) };
  const { layout: trunkLayout } = openWeights(rangesOf(await blobs.read(newestTrunk.blob)));
  const layout = carriedLayout(trunkLayout, project);
  const brought = new Map<string, SiteVariate>();
  for (const { site, blob, examples } of new Map(updates.map((update) => [update.site, update])).values()) {
    const { variate } = partsOf(decodeUpdate(await blobs.read(blob), { layout, form: project }));
    brought.set(site, { site, blob: blobs.put(encodeWeights(variate)), examples });
  }
  const newest = new Map([...held, ...brought.values()].map((one) => [one.site, one]));
  const members = await store.memberFingerprints();
  const trunk = openTrunkVariate(variateLayout(trunkLayout, project));
  for (const [site, { blob, examples }] of [...newest].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    // Who left the federation pulls the others no more.
    if (members.has(site)) trunk.add(decodeWeights(await blobs.read(blob)), examples);
  }
  const bytes = encodeWeights(trunk.mean());
  return {
    trunk: { blob: blobs.put(bytes), bytes: bytes.byteLength },
    sites: [...brought.values()],
    replaced: held.filter(({ site }) => brought.has(site)).map(({ blob }) => blob),
  };
}
