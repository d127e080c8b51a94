// The console's pages as scripts/build made them: files of one folder, nothing from elsewhere, and a policy that says so.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import path from 'node:path';

/** Where scripts/build puts them. */
const builtFolder = path.resolve(import.meta.dirname, '../../../../dist/console');

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
};

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** On every answer of the console. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Not so in a clone before `npm run build`. */
export function areConsolePagesBuilt(): boolean {
  return existsSync(path.join(builtFolder, 'index.html'));
}

export interface ConsolePages {
  /** @returns false where there is no such file. */
  send(response: ServerResponse, name: string): boolean;
}

/** Files are read once: a request's path only chooses among them and never touches the disk. */
export function openConsolePages(): ConsolePages {
  const files = new Map<string, Buffer>();
  if (existsSync(builtFolder)) {
    for (const entry of readdirSync(builtFolder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || types[path.extname(entry.name)] === undefined) continue;
      const file = path.join(entry.parentPath, entry.name);
      files.set(path.relative(builtFolder, file).split(path.sep).join('/'), readFileSync(file));
    }
  }
  if (!files.has('index.html')) {
    files.set(
      'index.html',
      Buffer.from('The console’s pages are not built: run `npm run build`, then start the hub.\n'),
    );
  }
  return {
    send(response, name) {
      const content = files.get(name);
      if (content === undefined) return false;
      response.writeHead(200, {
        ...securityHeaders,
        'content-type': types[path.extname(name)]!,
        // Names of all but the page itself change with their content.
        'cache-control': name === 'index.html' ? 'no-store' : 'public, max-age=31536000, immutable',
      });
      response.end(content);
      return true;
    },
  };
}
