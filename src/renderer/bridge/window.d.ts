import type { ShellBridge } from '../../contract/shell.ts';

declare global {
  interface Window {
    readonly imagiqShell: ShellBridge;
  }
}
