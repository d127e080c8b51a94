// Ways of making updates that cannot do what they promise in a project are refused when it is set.
import type { Project } from '../../contract/federation.ts';
import { normalisationNames } from '../../contract/network.ts';
import type { Unusable } from './unusable.ts';

/** All that stands against it, and what can be used instead; empty for a project that can be used. */
export function unusableUpdate(project: Project): readonly Unusable[] {
  const normalisation = normalisationReason(project);
  return [
    ...(normalisation === null ? [] : [{ field: 'siteNormalisation', reason: normalisation }]),
    ...[...variateReasons(project)].map((reason) => ({ field: 'controlVariates', reason })),
  ];
}

function normalisationReason({ siteNormalisation, network, mode }: Project): string | null {
  if (!siteNormalisation) return null;
  if (mode.kind !== 'trunk') {
    return (
      `with mode.kind "${mode.kind}" whole models go from site to site, their normalisation with them; ` +
      'set mode to {"kind": "trunk"}, or leave siteNormalisation out'
    );
  }
  if (normalisationNames(network).size === 0) {
    return `${network.name} has no normalisation layer that could stay at the sites; choose another network, or leave siteNormalisation out`;
  }
  return null;
}

function* variateReasons(project: Project): Generator<string> {
  const { controlVariates, hyperParameters, mode, trunkRule, secureAggregation } = project;
  if (!controlVariates) return;
  const { combination, clipNorm } = trunkRule;
  if (mode.kind !== 'trunk') {
    yield `with mode.kind "${mode.kind}" nobody keeps the mean of all sites' control variates; set mode to {"kind": "trunk"}, or leave controlVariates out`;
    return;
  }
  if (hyperParameters.optimiser !== 'sgd') {
    yield (
      `a control variate is the mean of a site's gradients, which the steps of ${hyperParameters.optimiser} do not tell; ` +
      'set hyperParameters.optimiser to "sgd", or leave controlVariates out'
    );
  }
  if (hyperParameters.privacy !== null) {
    yield (
      "with hyperParameters.privacy the noise of every site's training would come into each step of all others by their control variates; " +
      'leave one of the two out'
    );
  }
  if (secureAggregation !== null) {
    yield (
      'the hub keeps the control variate of each site, and secure aggregation hides what one site sends; ' +
      'leave secureAggregation or controlVariates out'
    );
  }
  if (combination.kind !== 'mean') {
    yield (
      `${combination.kind} stands sites that lie, but the trunk's control variate is the mean of all, which one that lies moves as it likes; ` +
      'set trunkRule.combination to {"kind": "mean"}, or leave controlVariates out'
    );
  }
  if (clipNorm !== null) {
    yield (
      'trunkRule.clipNorm bounds what one site can do by its update, and its control variate would not be bounded by it; ' +
      'leave trunkRule.clipNorm or controlVariates out'
    );
  }
}
