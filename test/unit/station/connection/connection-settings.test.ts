import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectionCalls } from '../../../../src/contract/connection.ts';
import { makeCertificate } from '../../../integration/sync/own-certificate.ts';
import { connectionAnswers, openConnectionBook } from '../../../../src/station/connection/connection-settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-connection-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const answers = () => connectionAnswers({ connection: openConnectionBook(folder) });
const change = (given: object) =>
  answers()['change-connection-settings'](connectionCalls['change-connection-settings'].in.parse(given));

it('what a change leaves out stays, also after the station was opened again', async () => {
  await change({ proxy: 'address', proxyUrl: 'http://proxy.example:3128', proxyUser: 'ward', proxyPassword: 's&cret' });
  const { certFile } = makeCertificate(folder, 'ca');
  await change({ caFile: certFile });
  rmSync(certFile);
  expect(await answers()['connection-settings']({})).toMatchObject({
    proxy: 'address',
    proxyInUse: 'http://proxy.example:3128',
    proxyUser: 'ward',
    hasPassword: true,
    caProblem: expect.stringContaining('cannot be used'),
  });
});

it('the password is told to nobody and readable to nobody else', async () => {
  const shown = await change({ proxy: 'address', proxyUrl: 'http://proxy.example:3128', proxyPassword: 's&cret' });
  expect(JSON.stringify(shown)).not.toContain('s&cret');
  const file = path.join(folder, 'connection.json');
  expect(readFileSync(file, 'utf8')).toContain('s&cret');
  expect(statSync(file).mode & 0o077).toBe(0);
});

it('an address that is none, or holds a password, is refused before it is kept', () => {
  for (const proxyUrl of ['proxy', 'socks5://proxy:1080', 'http://ward:secret@proxy:3128'])
    expect(connectionCalls['change-connection-settings'].in.safeParse({ proxyUrl }).success).toBe(false);
});

it('a damaged file counts as none', async () => {
  writeFileSync(path.join(folder, 'connection.json'), '{');
  expect(await answers()['connection-settings']({})).toMatchObject({ proxy: 'environment', caFile: null });
});
