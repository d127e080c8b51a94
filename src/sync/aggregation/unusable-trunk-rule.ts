// Rules that cannot keep what they promise are refused when a project is set, not found out in its tenth commit.
import type { Project, TrunkRule } from '../../contract/federation.ts';
import { fewestForKrum } from './krum.ts';
import { trimmedAtEachEnd } from './trimmed-mean.ts';
import type { Unusable } from './unusable.ts';

type UpdateCodec = Project['updateCodec'];

/** Limits of the rules that compare the updates of all sites of a commit. */
export const comparedUpdateLimits = {
  /** With `waitingPerSite` still within the 1,000 updates that a trunk statement can name. */
  sites: 50,
  /** Updates of one site that may wait for a commit: all of them become one voice. */
  waitingPerSite: 16,
} as const;

/** Whether the rule gives each site one voice, and so counts sites where others count updates. */
export function isRobust({ combination }: Pick<TrunkRule, 'combination'>): boolean {
  return combination.kind !== 'mean';
}

/** All that stands against a trunk rule, and what can be used instead; empty for one that can be used. */
export function unusableTrunkRule(rule: TrunkRule, codec: UpdateCodec = 'float32'): readonly Unusable[] {
  const reasons = [
    quorumReason(rule),
    optimizerReason(rule),
    ...(isRobust(rule) ? [robustReason(rule), codecReason(rule, codec)] : []),
  ];
  return reasons.filter((reason) => reason !== null);
}

/** Why a rule never commits among so few sites; null where it does. A mean takes several updates of one site. */
export function unfillableBuffer(rule: TrunkRule, sites: number): string | null {
  if (!isRobust(rule) || rule.bufferSize <= sites) return null;
  return `${rule.combination.kind} gives each site one voice: a commit of ${rule.bufferSize} needs as many sites, and there are ${sites}`;
}

function codecReason({ combination: { kind } }: TrunkRule, codec: UpdateCodec): Unusable | null {
  if (codec !== 'top-k') return null;
  return {
    field: 'updateCodec',
    reason:
      `top-k sends each site's own tenth of the weights and nothing of the others, so that ${kind} would take most honest changes for ` +
      'outliers; set updateCodec to "int8", or use the mean with trunkRule.clipNorm',
  };
}

function quorumReason({ bufferSize, deadlineMs, quorum }: TrunkRule): Unusable | null {
  if (deadlineMs === null || quorum <= bufferSize) return null;
  return {
    field: 'trunkRule.quorum',
    reason: `the trunk moves after ${bufferSize} updates, so that the deadline never finds a quorum of ${quorum}; set trunkRule.quorum to ${bufferSize} or less`,
  };
}

function optimizerReason({ serverOptimizer: { kind }, serverLearningRate }: TrunkRule): Unusable | null {
  if (kind === 'sgd' || serverLearningRate < 1) return null;
  return {
    field: 'trunkRule.serverLearningRate',
    reason:
      `with the server optimiser ${kind} every weight moves by about trunkRule.serverLearningRate in a commit, and ` +
      `${serverLearningRate} would undo the training; set it to 0.01 or so`,
  };
}

function robustReason(rule: TrunkRule): Unusable | null {
  const { combination, staleness, stalenessEffect, bufferSize } = rule;
  const name = combination.kind;
  const isDamping = !(staleness.kind === 'constant' || (staleness.kind === 'polynomial' && staleness.exponent === 0));
  if (isDamping && stalenessEffect === 'share') {
    return {
      field: 'trunkRule.stalenessEffect',
      reason:
        `${name} counts every site alike, so that there is no share for staleness to lessen; set trunkRule.stalenessEffect to ` +
        '"step", or trunkRule.staleness to {"kind": "constant"}',
    };
  }
  if (bufferSize > comparedUpdateLimits.sites) {
    return {
      field: 'trunkRule.bufferSize',
      reason: `${name} compares the updates of all sites of a commit, of at most ${comparedUpdateLimits.sites}; lower trunkRule.bufferSize, or use the mean`,
    };
  }
  return tooFewReason(rule);
}

function tooFewReason({ combination, bufferSize, deadlineMs, quorum }: TrunkRule): Unusable | null {
  const isEarly = deadlineMs !== null && quorum < bufferSize;
  const fewest = isEarly ? quorum : bufferSize;
  const setting = isEarly ? 'trunkRule.quorum' : 'trunkRule.bufferSize';
  switch (combination.kind) {
    case 'mean':
      return null;
    case 'median':
      return fewest >= 3
        ? null
        : {
            field: setting,
            reason: `the median of ${fewest} sites protects from none of them; set ${setting} to 3 or more, or use the mean`,
          };
    case 'trimmed-mean': {
      const field = 'trunkRule.combination.trimShare';
      if (combination.trimShare === 0)
        return { field, reason: 'a trimmed mean with trimShare 0 trims nothing; raise it, or use the mean' };
      if (trimmedAtEachEnd(fewest, combination.trimShare) > 0) return null;
      const needed = Math.ceil(1 / combination.trimShare - 1e-9);
      return {
        field,
        reason: `trimShare ${combination.trimShare} of ${fewest} sites trims nothing; set ${setting} to ${needed} or more, or raise trimShare`,
      };
    }
    case 'krum': {
      const { byzantine, kept } = combination;
      const needed = fewestForKrum(byzantine);
      if (fewest < needed) {
        return {
          field: setting,
          reason: `Krum stands ${byzantine} lying sites among ${needed} or more, not among ${fewest}; raise ${setting}, or lower byzantine`,
        };
      }
      return kept <= fewest - byzantine
        ? null
        : {
            field: 'trunkRule.combination.kept',
            reason: `of ${fewest} sites ${byzantine} may lie, and keeping ${kept} would keep some of these; set kept to ${fewest - byzantine} or less`,
          };
    }
  }
}
