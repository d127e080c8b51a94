// app://ui serves the window's files, and nothing else, under a policy that lets only those files run.
import { net, protocol } from 'electron';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const scheme = 'app';
const host = 'ui';
export const windowOrigin = `${scheme}://${host}`;

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Must be called before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
}

/** Whether a URL belongs to the window's own files. Custom schemes have an opaque origin, so the text is compared. */
export function isWindowUrl(url: string): boolean {
  return url === windowOrigin || url.startsWith(`${windowOrigin}/`);
}

/** Serves `folder` as app://ui. Paths that leave the folder are refused. */
export function serveWindowFiles(folder: string): void {
  protocol.handle(scheme, async (request) => {
    const file = fileOf(request.url, folder);
    if (file === null || request.method !== 'GET') return new Response('Not found', { status: 404 });
    let found: Response;
    try {
      found = await net.fetch(pathToFileURL(file).toString());
    } catch {
      return new Response('Not found', { status: 404 });
    }
    const headers = new Headers(found.headers);
    headers.set('content-security-policy', contentSecurityPolicy);
    headers.set('x-content-type-options', 'nosniff');
    headers.set('referrer-policy', 'no-referrer');
    headers.set('cross-origin-opener-policy', 'same-origin');
    headers.set('cross-origin-embedder-policy', 'require-corp');
    return new Response(found.body, { status: found.status, headers });
  });
}

function fileOf(url: string, folder: string): string | null {
  const { host: requestedHost, pathname } = new URL(url);
  if (requestedHost !== host) return null;
  let relative: string;
  try {
    relative = decodeURIComponent(pathname);
  } catch {
    return null;
  }
  if (relative.includes('\0')) return null;
  const file = path.join(folder, relative === '/' ? 'index.html' : relative);
  return file.startsWith(folder + path.sep) ? file : null;
}
