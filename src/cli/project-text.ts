// A project in words, before a data manager answers to it and for its coordinator: what the window shows before it is approved.
import { leavesWords, rhythmWords } from '../contract/approval-words.ts';
import type { Project } from '../contract/federation.ts';
import { modeWords } from '../contract/mode-words.ts';
import { trainingWords } from '../contract/training-words.ts';
import { trunkRuleWords } from '../contract/trunk-rule-words.ts';

/** Lines: its classes and network, how a site trains, when its model moves and by which rule, and what leaves a site. */
export function projectText(project: Project): string[] {
  return [
    `Classes ${project.classes.join(', ')}; network ${project.network.name}`,
    `At a site: ${rhythmWords(project)}`,
    ...listed(trainingWords(project)),
    project.mode.kind === 'trunk' ? 'What the hub makes of the updates:' : 'How the models move:',
    ...listed(modeWords(project.mode) ?? trunkRuleWords(project.trunkRule)),
    'Leaves a site:',
    ...listed(leavesWords(project)),
  ];
}

const listed = (sentences: readonly string[]): string[] => sentences.map((sentence) => `- ${sentence}`);
