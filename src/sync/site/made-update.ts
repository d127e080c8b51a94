// What an update is made of beside the change of the weights: the site's word on the trunk, its control variate, and the values as they stand.
import type { Fault } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import { statisticNames } from '../../contract/network.ts';
import { heldValues } from '../aggregation/tensor-values.ts';
import { normFault } from '../aggregation/update-norm.ts';
import { decodeWeights, type Weights } from '../aggregation/weights.ts';
import type { StatementOf } from '../protocol/statement.ts';
import { ringFault } from '../secure-aggregation/fixed-point-ring.ts';
import { siteFault } from './faults.ts';
import type { MembershipState } from './membership-file.ts';

/** How the newest trunk that was judged here does. Of a project with a privacy promise nothing is said that the promise does not cover. */
export function validationOf({ history, project }: MembershipState): Pick<StatementOf<'update'>, 'validation'> {
  const newest = history.at(-1);
  const isPromised = project?.project.hyperParameters.privacy !== null;
  if (newest === undefined || isPromised || !Number.isFinite(newest.loss)) return {};
  const { trunkVersion, auc, accuracy, dice, loss } = newest;
  return { validation: { trunkVersion, auc, accuracy, ...(dice !== null && { dice }), loss } };
}

/** Of what training gave, the tensors that travel; nothing in a project without. */
export function variateIn(given: Uint8Array | undefined, layout: Weights, { controlVariates }: Project): Weights {
  if (!controlVariates) return new Map();
  const variate = decodeWeights(given ?? new Uint8Array());
  return new Map([...layout].flatMap(([name]) => (variate.has(name) ? [[name, variate.get(name)!] as const] : [])));
}

/** Why the project takes no update that changes so much; null when it does. */
export function longUpdate(update: Weights, { network, trunkRule: { maxUpdateNorm } }: Project): Fault | null {
  return normFault(heldValues(update), { layout: update, statistics: statisticNames(network), maxUpdateNorm });
}

/**
 * What the spool keeps. A masked sum cannot be made relative to another trunk afterwards, so there the statistics of batch norm stand as they
 * were measured, and the hub takes the trunk's off their mean. @throws Fault 463 for a value that a masked sum has no room for.
 */
export function openUpdate(project: Project, update: Weights, trained: Weights): Weights {
  if (project.secureAggregation === null) return update;
  const statistics = statisticNames(project.network);
  const open = new Map([...update].map(([name, change]) => [name, statistics.has(name) ? trained.get(name)! : change]));
  const refusal = ringFault(open);
  if (refusal !== null) throw siteFault.badTraining(refusal.message);
  return open;
}
