// The coordinator's commands on a hub whose rows are in PostgreSQL.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseInvite } from '../../../src/sync/protocol/invite-link.ts';
import { type PostgresCluster, postgresMissing, startPostgres } from '../sync/postgres-cluster.ts';
import { imagiq, start, temporaryFolder } from './imagiq.ts';

describe('a hub over PostgreSQL on the command line', () => {
  let cluster: PostgresCluster;
  beforeEach((context) => context.skip(postgresMissing !== null, postgresMissing ?? ''));
  beforeAll(async () => {
    if (postgresMissing !== null) return;
    cluster = await startPostgres();
  }, 120_000);
  afterAll(() => cluster?.close());

  it('is started, invited to and looked at by the database’s address, and the password is never shown', async () => {
    const address = new URL(await cluster.newDatabase());
    const { password } = address;
    address.password = '';
    process.env['PGPASSWORD'] = password;
    try {
      const postgres = ['--postgres', address.href];
      const early = await imagiq('invite', ...postgres, '--json');
      expect(early).toMatchObject({ code: 1, stdout: expect.stringContaining('No hub was ever started') });
      const data = ['--data', temporaryFolder(), '--blobs', temporaryFolder()];
      const hub = start('hub', ...data, '--port', '0', ...postgres, '--network', 'cnn-small', '--classes', 'a,b');
      const shown = await hub.firstLine;
      expect(shown).toContain('Hub of');
      const { invite } = (await imagiq('invite', ...postgres, '--json')).json<{ invite: string }>();
      expect(parseInvite(invite).federation).toBe('ImagiQ');
      expect((await imagiq('members', 'list', ...postgres, '--json')).json()).toEqual({ members: [] });
      expect((await imagiq('project', 'show', ...postgres, '--json')).json()).toMatchObject({ trunkVersion: 0 });
      const ledger = await imagiq('ledger', 'verify', ...data.slice(0, 2), ...postgres, '--json');
      expect(ledger.json()).toMatchObject({ verified: true, entries: expect.any(Number) });
      const second = await imagiq('hub', '--data', temporaryFolder(), '--port', '0', ...postgres, '--json');
      expect(second).toMatchObject({ code: 1, stdout: expect.stringContaining('hub-keys.json') });
      hub.process.kill('SIGTERM');
      const { stdout, stderr, code } = await hub.ended;
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain(password);
    } finally {
      delete process.env['PGPASSWORD'];
    }
  }, 240_000);

  it('says what is wrong with an address, and never repeats it', async () => {
    for (const [address, code, text] of [
      ['http://someone:secretive@127.0.0.1/x', 2, 'must be an address'],
      ['postgres://someone:secretive@127.0.0.1:1/x', 1, 'ECONNREFUSED'],
      ['postgres://someone:secretive@[/x', 1, 'Invalid URL'],
    ] as const) {
      const ended = await imagiq('members', 'list', '--postgres', address);
      expect(ended).toMatchObject({ code, stderr: expect.stringContaining(text) });
      expect(ended.stderr).not.toContain('secretive');
    }
    expect(await imagiq('invite')).toMatchObject({ code: 2, stderr: expect.stringContaining('--data') });
  }, 180_000);
});
