// SCAFFOLD at the hub: the control variates that a commit's updates bring, one of each site and the newest, and the trunk's that follows.
import { updateFormSchema } from '../../contract/federation.ts';
import type { BufferedUpdate, CurrentProject } from './current-project.ts';
import type { NewVariates, TrunkStore } from './trunk-store.ts';
import type { TrunkThreads } from './trunk-threads.ts';

/**
 * Null where the project has none; with its last commit all go. Stores blobs, which count once a commit names them: the same updates and rows
 * give the same bytes. An update's staleness changes nothing here: its site's variate is the newest that there is of it.
 */
export async function nextVariates(order: {
  readonly store: TrunkStore;
  readonly threads: TrunkThreads;
  readonly blobs: { readonly folder: string; readonly isShared: boolean };
  /** @throws Fault 406 when it is not there. */
  readonly fileOf: (blob: string) => string;
  readonly current: CurrentProject;
  /** How many numbers an update is. */
  readonly parameters: number;
  /** In the order of their acceptance. */
  readonly updates: readonly BufferedUpdate[];
  readonly isLast: boolean;
}): Promise<NewVariates | null> {
  const { store, threads, blobs, fileOf, current, parameters, updates, isLast } = order;
  const { project, projectHash, trunk } = current;
  if (!project.controlVariates) return null;
  const before = await store.siteVariates(projectHash);
  if (isLast) return { trunk: null, sites: [], replaced: before.map(({ blob }) => blob) };
  const members = await store.memberFingerprints();
  const filed = ({ site, blob, examples }: { site: string; blob: string; examples: number }) => ({
    site,
    file: fileOf(blob),
    examples,
    isMember: members.has(site),
  });
  const brought = new Map(updates.map((update) => [update.site, update]));
  const isReplaced = ({ site }: { site: string }): boolean => brought.has(site);
  const held = before.filter((one) => !isReplaced(one));
  const made = await threads.variates(
    {
      kind: 'variates',
      blobs,
      base: fileOf(trunk.blob),
      carries: project,
      form: updateFormSchema.parse(project),
      brought: [...brought.values()].map(filed),
      held: held.map(filed),
    },
    parameters * (brought.size + held.length),
  );
  return { ...made, replaced: before.filter(isReplaced).map(({ blob }) => blob) };
}
