// Makes this process kill itself at a file operation or a frame that a test names: the product has no hooks for it.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { WebSocket } from 'ws';

export type Death =
  /** `path` is a part of the file's name; `time` 1 is the first time. `holds` looks into the file that is about to be renamed. */
  | {
      readonly call: 'write' | 'fsync' | 'rename';
      readonly when: 'before' | 'after';
      readonly path: string;
      readonly holds?: string;
      readonly time: number;
    }
  /** When so many binary frames have been sent. */
  | { readonly call: 'chunk-sent'; readonly time: number };

export function dieAt(death: Death | null): void {
  if (death === null) return;
  let times = 0;
  const count = (): void => {
    times += 1;
    if (times === death.time) process.kill(process.pid, 'SIGKILL');
  };
  if (death.call === 'chunk-sent') {
    const send = WebSocket.prototype.send as (...args: unknown[]) => void;
    WebSocket.prototype.send = function (this: WebSocket, ...args: unknown[]) {
      send.apply(this, args);
      if (typeof args[0] !== 'string') count();
    } as typeof WebSocket.prototype.send;
    return;
  }
  const names = new Map<number, string>();
  const { openSync, writeSync, fsyncSync, renameSync } = fs;
  const at = <Args extends unknown[], Value>(name: (...args: Args) => string, real: (...args: Args) => Value) =>
    function (...args: Args): Value {
      const isMeant =
        name(...args).includes(death.path) &&
        (death.holds === undefined || fs.readFileSync(name(...args), 'utf8').includes(death.holds));
      if (isMeant && death.when === 'before') count();
      const value = real(...args);
      if (isMeant && death.when === 'after') count();
      return value;
    };
  const replaced = fs as unknown as Record<string, unknown>;
  replaced['openSync'] = (file: string, ...rest: [string, number?]) => {
    const handle = openSync(file, ...rest);
    names.set(handle, file);
    return handle;
  };
  const nameOf = (handle: unknown): string => names.get(Number(handle)) ?? '';
  if (death.call === 'write') replaced['writeSync'] = at(nameOf, writeSync as (...args: unknown[]) => number);
  if (death.call === 'fsync') replaced['fsyncSync'] = at(nameOf, fsyncSync as (...args: unknown[]) => void);
  if (death.call === 'rename')
    replaced['renameSync'] = at((from) => String(from), renameSync as (...args: unknown[]) => void);
  syncBuiltinESMExports();
}
