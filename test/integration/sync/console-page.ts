// A browser's page of the hub's console as the hub sees it: HTTP with a cookie and the page's own header.
import type { ConsoleRole } from '../../../src/contract/console.ts';
import { consoleLinkIn } from '../../../src/sync/hub/console/sign-in.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // What it is, each test knows.
  readonly body: unknown;
}

export interface ConsolePage {
  get(name: string): Promise<Answer>;
  post(name: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** The code of a one-time link, as `imagiq hub console-link` makes it. */
export async function linkCode(folder: string, role: ConsoleRole = 'coordinator'): Promise<string> {
  return new URL((await consoleLinkIn(folder, role)).link).hash.replace('#code=', '');
}

/** A page that is not signed in yet; it keeps the cookie that it gets. */
export function openPage(port: number): ConsolePage {
  const base = `http://127.0.0.1:${port}`;
  let cookie = '';
  const ask = async (name: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(`${base}/console/api/${name}`, init);
    const set = response.headers.get('set-cookie');
    if (set !== null) cookie = set.split(';')[0] ?? '';
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return {
    get: (name) => ask(name, { headers: { cookie } }),
    post: (name, body, headers = { 'x-imagiq-console': '1', origin: base }) =>
      ask(name, { method: 'POST', headers: { cookie, ...headers }, body: JSON.stringify(body) }),
  };
}

export async function signedInPage(port: number, folder: string, role?: ConsoleRole): Promise<ConsolePage> {
  const page = openPage(port);
  const { status } = await page.post('sign-in', { code: await linkCode(folder, role) });
  if (status !== 200) throw new Error(`sign-in answered ${status}`);
  return page;
}
