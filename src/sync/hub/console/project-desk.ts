// A project's life at the console: drafted, looked at as it is written, put to the sites, ended. The same reading as that of a project's file.
import type { ConsoleNetworks, DraftCheck } from '../../../contract/console.ts';
import type { Project } from '../../../contract/federation.ts';
import { hubFault } from '../faults.ts';
import { problemsText, type ProjectNetworks, readProjectDraft } from '../project-draft.ts';
import { projectHashOf } from '../current-project.ts';
import type { TrunkStore } from '../trunk-store.ts';

export interface ProjectDesk {
  networks(): ConsoleNetworks;
  /** @throws Fault 524 where this hub has no networks to make a project of. */
  check(draft: unknown): Promise<DraftCheck>;
  /** @throws Fault 524 with all that stands against it. */
  propose(draft: unknown): Promise<Project>;
  /** @throws Fault 510 no project, 512 finished already. */
  retire(because: string): Promise<void>;
}

export function openProjectDesk(order: {
  readonly networks: ProjectNetworks | null;
  readonly store: Pick<TrunkStore, 'current' | 'knownProject'>;
  readonly setProject: (project: Project, initialWeights: Uint8Array) => Promise<void>;
  readonly retire: (because: string) => Promise<void>;
}): ProjectDesk {
  const { networks, store } = order;
  const given = (): ProjectNetworks => {
    if (networks === null) throw hubFault.unusableProject('this hub was started without networks to make it of');
    return networks;
  };
  const standingOf = async (project: Project): Promise<'new' | 'known' | 'current'> => {
    const known = await store.knownProject(project);
    if (known === null) return 'new';
    return (await store.current())?.projectHash === known ? 'current' : 'known';
  };
  return {
    networks: () => ({ networks: networks === null ? null : [...networks.choices()] }),
    async check(draft) {
      const read = readProjectDraft(draft, given());
      if (read.project === null) return { problems: [...read.problems], usable: null };
      const { project, parameters } = read;
      const projectHash = projectHashOf(project);
      return { problems: [], usable: { projectHash, parameters, standing: await standingOf(project) } };
    },
    async propose(draft) {
      const { project, problems } = readProjectDraft(draft, given());
      if (project === null) throw hubFault.unusableProject(problemsText(problems, (field) => field));
      await order.setProject(project, given().initialTrunk(project));
      return project;
    },
    retire: order.retire,
  };
}
