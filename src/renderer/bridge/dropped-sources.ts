import type { ShellBridge } from '../../contract/shell.ts';
import type { ImportSources } from '../imports/imports.svelte.ts';

/** Folders and files that were dropped; things without a path (a picture from a browser) are left out. */
export function droppedSources(shell: ShellBridge, transfer: DataTransfer | null): ImportSources {
  const folders: string[] = [];
  const files: string[] = [];
  for (const item of transfer?.items ?? []) {
    const file = item.kind === 'file' ? item.getAsFile() : null;
    if (file === null) continue;
    // Electron before 32 puts the path on the file itself.
    const path = (file as File & { path?: string }).path || shell.pathOf(file);
    if (path !== '') (item.webkitGetAsEntry()?.isDirectory === true ? folders : files).push(path);
  }
  return { folders, files };
}
