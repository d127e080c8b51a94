// Which tensors an update of a project carries. With `siteNormalisation` (FedBN, arXiv 2102.07623) those of the normalisation layers are at
// home at each site: no update has them, and the trunk keeps its first ones. With `controlVariates` (SCAFFOLD, arXiv 1910.06378) an update
// also carries its site's control variate, whole, as further tensors.
import type { Project } from '../../contract/federation.ts';
import { normalisationNames, statisticNames } from '../../contract/network.ts';
import { variateName, variateOf } from './variate-name.ts';

export type LayoutRule = Pick<Project, 'network' | 'siteNormalisation' | 'controlVariates'>;

/** Tensors by name, or what is known of them. */
type Tensors<Tensor> = ReadonlyMap<string, Tensor>;

/** Of the trunk's tensors those that updates move, in its order. */
export function updateLayout<Tensor>(trunk: Tensors<Tensor>, rule: LayoutRule): Tensors<Tensor> {
  if (!rule.siteNormalisation) return trunk;
  const atHome = normalisationNames(rule.network);
  return new Map([...trunk].filter(([name]) => !atHome.has(name)));
}

/** What stays at the site of weights that were trained there; empty where everything travels. */
export function homeWeights<Tensor>(trained: Tensors<Tensor>, rule: LayoutRule): Tensors<Tensor> {
  if (!rule.siteNormalisation) return new Map();
  const atHome = normalisationNames(rule.network);
  return new Map([...trained].filter(([name]) => atHome.has(name)));
}

/** The tensors of a control variate: those that updates move and training by gradient changes. */
export function variateLayout<Tensor>(trunk: Tensors<Tensor>, rule: LayoutRule): Tensors<Tensor> {
  const measured = statisticNames(rule.network);
  return new Map([...updateLayout(trunk, rule)].filter(([name]) => !measured.has(name)));
}

/** All tensors of an update's file, in its order. */
export function carriedLayout<Tensor>(trunk: Tensors<Tensor>, rule: LayoutRule): Tensors<Tensor> {
  const moved = updateLayout(trunk, rule);
  return rule.controlVariates ? withVariate(moved, variateLayout(trunk, rule)) : moved;
}

/** What an update's file carries: the change, and the site's control variate beside it. */
export function withVariate<Tensor>(change: Tensors<Tensor>, variate: Tensors<Tensor>): Tensors<Tensor> {
  return new Map([...change, ...[...variate].map(([name, tensor]) => [variateName(name), tensor] as const)]);
}

/** The two parts of what an update's file carried. */
export function partsOf<Tensor>(carried: Tensors<Tensor>): {
  readonly change: Tensors<Tensor>;
  readonly variate: Tensors<Tensor>;
} {
  const parts = { change: new Map<string, Tensor>(), variate: new Map<string, Tensor>() };
  for (const [name, tensor] of carried) {
    const weight = variateOf(name);
    if (weight === null) parts.change.set(name, tensor);
    else parts.variate.set(weight, tensor);
  }
  return parts;
}
