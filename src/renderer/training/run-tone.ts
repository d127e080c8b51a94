import type { Run } from '../../contract/calls.ts';

/** The badge's tone for each state of a run. */
export const runTone: Record<Run['state'], '' | 'good' | 'warning' | 'danger' | 'accent'> = {
  running: 'accent',
  paused: 'warning',
  done: 'good',
  stopped: '',
  failed: 'danger',
};
