// Projects whose secure aggregation cannot keep what it promises are refused: by the hub when it is set, and by a site before it
// sends anything into a buffer.
import type { Project } from '../../contract/federation.ts';
import type { Unusable } from '../aggregation/unusable.ts';
import { maskingLimits } from './limits.ts';

/** All that stands against it, and what can be used instead; empty for a project that can be used, or that does not aggregate securely. */
export function unusableSecureAggregation(project: Project): readonly Unusable[] {
  return [...reasonsOf(project)];
}

function* reasonsOf(project: Project): Generator<Unusable> {
  const { secureAggregation, trunkRule, updateCodec, updateCompression, mode } = project;
  if (secureAggregation === null) return;
  const { threshold } = secureAggregation;
  const { combination, bufferSize, deadlineMs, quorum } = trunkRule;
  if (mode.kind !== 'trunk') {
    yield {
      field: 'mode',
      reason:
        `with mode.kind "${mode.kind}" whole models go from site to site and the hub adds nothing up, so that there is no sum to hide them in; ` +
        'set mode to {"kind": "trunk"}, or leave secureAggregation out',
    };
    // The rule of a trunk that there is not.
    return;
  }
  if (combination.kind !== 'mean') {
    yield {
      field: 'trunkRule.combination',
      reason:
        `${combination.kind} compares single updates, and secure aggregation hides them: only their sum is ever seen; ` +
        'set trunkRule.combination to {"kind": "mean"}, with trunkRule.clipNorm to bound what one site can do, or leave secureAggregation out',
    };
  }
  if (trunkRule.maxUpdateNorm !== null) {
    yield {
      field: 'trunkRule.maxUpdateNorm',
      reason:
        'the hub cannot tell how long a hidden update is, to refuse it; leave trunkRule.maxUpdateNorm out, with trunkRule.clipNorm each site ' +
        'keeps its own within bounds',
    };
  }
  if (updateCodec !== 'float32') {
    yield {
      field: 'updateCodec',
      reason:
        `masked updates travel as whole numbers of 32 bits, which ${updateCodec} would destroy; ` +
        'set updateCodec to "float32", or leave secureAggregation out',
    };
  }
  if (updateCompression !== 'none') {
    yield {
      field: 'updateCompression',
      reason:
        'a masked update looks like random bytes, which nothing can make fewer; ' +
        'set updateCompression to "none", or leave secureAggregation out',
    };
  }
  if (bufferSize < maskingLimits.fewestSites || bufferSize > maskingLimits.sites) {
    yield {
      field: 'trunkRule.bufferSize',
      reason:
        `secure aggregation needs buffers of ${maskingLimits.fewestSites} to ${maskingLimits.sites} sites, not ${bufferSize}: ` +
        "the sum of two tells each the other's update; set trunkRule.bufferSize",
    };
  }
  if (threshold <= bufferSize / 2 || threshold > bufferSize) {
    const least = Math.floor(bufferSize / 2) + 1;
    yield {
      field: 'secureAggregation.threshold',
      reason:
        `of ${bufferSize} sites more than half must be needed to take masks off, else a hub could ask two halves for the two secrets of one ` +
        `update; set secureAggregation.threshold to ${least}…${bufferSize}`,
    };
  } else if (threshold < maskingLimits.fewestSites) {
    yield {
      field: 'secureAggregation.threshold',
      reason: `with secureAggregation.threshold ${threshold} a sum could hold ${threshold} updates; set it to ${maskingLimits.fewestSites} or more`,
    };
  }
  if (deadlineMs !== null && quorum < threshold) {
    yield {
      field: 'trunkRule.quorum',
      reason: `with a deadline a buffer may begin with trunkRule.quorum sites, fewer than secureAggregation.threshold; set quorum to ${threshold} or more`,
    };
  }
}
