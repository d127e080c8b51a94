// Makes this process kill itself at a file operation or a frame that a test names: the product has no hooks for it. To be called before
// the product is loaded.
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
  const { openSync, writeSync, fsyncSync, renameSync, write, writev, fsync, promises } = fs;
  const { rename } = promises;
  const isMeant = (name: string): boolean =>
    name.includes(death.path) && (death.holds === undefined || fs.readFileSync(name, 'utf8').includes(death.holds));
  type Call = (...args: unknown[]) => unknown;
  const at = (nameOf: (subject: unknown) => string, real: Call): Call =>
    function (...args) {
      const isNow = isMeant(nameOf(args[0]));
      if (isNow && death.when === 'before') count();
      const done = isNow && death.when === 'after' ? count : (): void => {};
      const last = args.at(-1);
      // Beside the event loop: done when it calls back.
      if (typeof last === 'function') {
        return real(...args.slice(0, -1), (...results: unknown[]) => {
          done();
          (last as Call)(...results);
        });
      }
      const value = real(...args);
      if (value instanceof Promise) return value.finally(done);
      done();
      return value;
    };
  /** promisify() looks at what the real one carries. */
  const like = (real: Call, replacement: Call): Call =>
    Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(real));
  const replaced = fs as unknown as Record<string, unknown>;
  replaced['openSync'] = (file: string, ...rest: [string, number?]) => {
    const handle = openSync(file, ...rest);
    names.set(handle, file);
    return handle;
  };
  const nameOf = (handle: unknown): string => names.get(Number(handle)) ?? '';
  const replace = (name: string, subject: (of: unknown) => string, real: unknown): void => {
    replaced[name] = like(real as Call, at(subject, real as Call));
  };
  if (death.call === 'write') {
    replace('writeSync', nameOf, writeSync);
    replace('write', nameOf, write);
    // Chunks that came together.
    replace('writev', nameOf, writev);
  }
  if (death.call === 'fsync') {
    replace('fsyncSync', nameOf, fsyncSync);
    replace('fsync', nameOf, fsync);
  }
  if (death.call === 'rename') {
    replace('renameSync', String, renameSync);
    (promises as unknown as Record<string, unknown>)['rename'] = at(String, rename as unknown as Call);
  }
  syncBuiltinESMExports();
}
