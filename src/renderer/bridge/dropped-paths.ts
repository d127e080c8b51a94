import type { ShellBridge } from '../../contract/shell.ts';

/** Paths of what was dropped; things without a path (a picture from a browser) are left out. */
export function droppedPaths(shell: ShellBridge, transfer: DataTransfer | null): string[] {
  const files = [...(transfer?.files ?? [])];
  // Electron before 32 puts the path on the file itself.
  return files
    .map((file) => (file as File & { path?: string }).path || shell.pathOf(file))
    .filter((path) => path !== '');
}
