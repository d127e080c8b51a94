// What the sites of a simulation learn, behind an interface: the logistic task here, a trainer's task where a benchmark brings one.
import type { Project } from '../../contract/federation.ts';
import type { SiteWork } from '../site/site-work.ts';

export interface SimulatedTask {
  readonly project: Project;
  readonly initialWeights: Uint8Array;
  /** The site's work; the simulation adds the time that it takes. */
  workOf(site: number): SiteWork;
  /** How good a trunk is; more is better. */
  score(weights: Uint8Array): Promise<number>;
  /** The score at which a simulation may end; null: it plays all commits. */
  readonly targetScore: number | null;
}
