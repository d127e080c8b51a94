import type { CommitStep } from './trunk-work.ts';

/** Where a test may stop the process, and a trace may look. */
export type HubStep =
  | 'update-accepted'
  | CommitStep
  | 'trunk-committed'
  // Of a masked buffer (masked-buffers.ts).
  | 'masked-buffer-opened'
  | 'mask-shares-stored'
  | 'masked-update-stored'
  | 'unmasking-asked'
  | 'mask-shares-revealed'
  | 'masks-taken-off';
