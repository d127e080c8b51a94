// Which file has which command. Only the file of the command that was asked for is loaded: a station, a hub and a simulation are a second
// of reading each.
import type { Command } from 'commander';

export interface CommandFamily {
  /** As `load` has them; the order is that of the help. */
  readonly names: readonly string[];
  readonly load: () => Promise<readonly Command[]>;
}

export const commandFamilies: readonly CommandFamily[] = [
  {
    names: ['import', 'studies', 'instances', 'pixels'],
    load: async () => (await import('./commands/library.ts')).libraryCommands(),
  },
  {
    names: ['measurements'],
    load: async () => [(await import('./commands/measurements.ts')).measurementsCommand()],
  },
  { names: ['labels'], load: async () => [(await import('./commands/labels.ts')).labelsCommand()] },
  { names: ['imports'], load: async () => [(await import('./commands/imports.ts')).importsCommand()] },
  { names: ['pacs'], load: async () => [(await import('./commands/pacs.ts')).pacsCommand()] },
  { names: ['cohort'], load: async () => [(await import('./commands/cohort.ts')).cohortCommand()] },
  { names: ['train'], load: async () => [(await import('./commands/train.ts')).trainCommand()] },
  { names: ['evaluate'], load: async () => [(await import('./commands/models.ts')).evaluateCommand()] },
  { names: ['predict'], load: async () => [(await import('./commands/predict.ts')).predictCommand()] },
  { names: ['models'], load: async () => [(await import('./commands/models.ts')).modelsCommand()] },
  { names: ['runs'], load: async () => [(await import('./commands/runs.ts')).runsCommand()] },
  { names: ['settings'], load: async () => [(await import('./commands/settings.ts')).settingsCommand()] },
  { names: ['epsilon'], load: async () => [(await import('./commands/epsilon.ts')).epsilonCommand()] },
  { names: ['privacy'], load: async () => [(await import('./commands/privacy.ts')).privacyCommand()] },
  { names: ['leak-probe'], load: async () => [(await import('./commands/leak-probe.ts')).leakProbeCommand()] },
  { names: ['hub', 'invite'], load: async () => (await import('./commands/hub.ts')).hubCommands() },
  { names: ['members'], load: async () => [(await import('./commands/members.ts')).membersCommand()] },
  { names: ['project'], load: async () => [(await import('./commands/project.ts')).projectCommand()] },
  { names: ['ledger'], load: async () => [(await import('./commands/ledger.ts')).ledgerCommand()] },
  {
    names: ['join', 'approve', 'run', 'leave', 'status'],
    load: async () => (await import('./commands/member.ts')).memberCommands(),
  },
  { names: ['peers'], load: async () => [(await import('./commands/peers.ts')).peersCommand()] },
  { names: ['simulate'], load: async () => [(await import('./commands/simulate.ts')).simulateCommand()] },
  { names: ['conformance'], load: async () => [(await import('./commands/conformance.ts')).conformanceCommand()] },
  { names: ['demo'], load: async () => [(await import('./commands/demo.ts')).demoCommand()] },
  { names: ['bench'], load: async () => [(await import('./commands/bench.ts')).benchCommand()] },
];

/** What the demo starts itself: not in the help. */
export const hiddenCommandFamily: CommandFamily = {
  names: ['practice-hospital'],
  load: async () => [(await import('./commands/demo.ts')).hospitalCommand()],
};

/** The families to load for these words: that of the command they name, or all, for the help and for a word that is none. */
export function familiesFor(words: readonly string[]): readonly CommandFamily[] {
  const all = [...commandFamilies, hiddenCommandFamily];
  const asked = words.find((word, at) => !word.startsWith('-') && words[at - 1] !== '--home');
  const wanted = all.filter(({ names }) => asked !== undefined && names.includes(asked));
  return wanted.length > 0 ? wanted : all;
}
