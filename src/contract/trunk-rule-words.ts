// A trunk rule in sentences, for the person who approves a project or looks after it: the same in window, console and command line.
import { duration } from './duration.ts';
import type { ServerOptimizer, TrunkRule } from './federation.ts';

/** One sentence each: combination, clipping, refusal, staleness, the trunk's step, the deadline where there is one. */
export function trunkRuleWords(rule: TrunkRule): string[] {
  const { clipNorm, maxUpdateNorm, maxStalenessCommits, serverLearningRate, deadlineMs, quorum } = rule;
  return [
    combinationWords(rule),
    clipNorm === null
      ? 'No update is clipped.'
      : `An update longer than ${clipNorm} is scaled down to that length, so that no site can pull further.`,
    ...(maxUpdateNorm === null ? [] : [`An update longer than ${maxUpdateNorm} is refused.`]),
    `${stalenessWords(rule)} Updates more than ${maxStalenessCommits} commits old are refused.`,
    `${optimizerWords(rule.serverOptimizer)}, step ${serverLearningRate}.`,
    ...(rule.rounds ? ['In rounds: a site trains once from each trunk and waits for the next.'] : []),
    ...(deadlineMs === null
      ? []
      : [
          `After ${duration(deadlineMs / 1_000)} the trunk moves anyhow, if at least ${quorum} ${quorum === 1 ? 'update has' : 'updates have'} come.`,
        ]),
  ];
}

function combinationWords({ combination, rounds }: TrunkRule): string {
  switch (combination.kind) {
    case 'mean':
      if (rounds) return 'Updates are averaged; a site with more images counts for more.';
      return combination.of === 'sites'
        ? 'Updates are averaged; a site with more images counts for more, however quick it is.'
        : 'Updates are averaged; a site with more images counts for more, and a quick one more often.';
    case 'median':
      return 'Of each weight the median of all updates is taken: a few wrong ones do little.';
    case 'trimmed-mean':
      return `Of each weight the lowest and highest ${Number((combination.trimShare * 100).toFixed(1))} % are left out, the rest is averaged.`;
    case 'krum':
      return `Only the ${combination.kept === 1 ? 'update that lies' : `${combination.kept} updates that lie`} closest to the others ${combination.kept === 1 ? 'is' : 'are'} used; up to ${combination.byzantine} may be wrong.`;
  }
}

function stalenessWords({ staleness, stalenessEffect }: TrunkRule): string {
  const effect =
    stalenessEffect === 'share' ? 'has a smaller part in its commit' : 'makes the step of its commit smaller';
  if (staleness.kind === 'constant') return 'An update that began from an older trunk counts like a fresh one.';
  const older =
    staleness.kind === 'threshold' ? `a trunk more than ${staleness.freeCommits} commits older` : 'an older trunk';
  return `An update that began from ${older} ${effect}.`;
}

function optimizerWords(optimizer: ServerOptimizer): string {
  switch (optimizer.kind) {
    case 'sgd':
      return optimizer.momentum === 0
        ? 'The trunk moves by the combined update'
        : `The trunk moves by the combined update with momentum ${optimizer.momentum}`;
    case 'adam':
      return 'The trunk moves by Adam, which adapts the step of each weight';
    case 'yogi':
      return 'The trunk moves by Yogi, which adapts the step of each weight with care';
  }
}
