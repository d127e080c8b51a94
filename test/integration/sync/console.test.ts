// The web console and what watches the hub, over HTTP: who gets in, what each role may do, and that every act is in the ledger.
import { describe, expect, it, afterEach } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { hubLedgerEntriesIn } from '../../../src/sync/hub/ledger-in.ts';
import { projectNetworks } from '../../../src/cli/project-networks.ts';
import { type Answer, linkCode, openPage, signedInPage } from './console-page.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject();
async function hubIn(folder: string) {
  return bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
}
const actsIn = async (folder: string): Promise<string[]> =>
  (await hubLedgerEntriesIn(folder, 100, () => true)).map(({ act }) => act);

describe('signing in to the console', () => {
  it('takes a link once, gives a cookie that scripts and other sites cannot use, and ends with the sign-out', async () => {
    const folder = bench.folder();
    const { port } = await hubIn(folder);
    const page = openPage(port);
    expect(await page.get('overview')).toMatchObject({ status: 401, body: { fault: { code: 533 } } });
    const code = await linkCode(folder);
    const first = await page.post('sign-in', { code });
    expect(first).toMatchObject({
      status: 200,
      body: { role: 'coordinator', hasPassphrase: false, place: `--data "${folder}"` },
    });
    // Through a proxy anybody may ask.
    const outside = await fetch(`http://127.0.0.1:${port}/console/api/session`, {
      headers: { 'x-forwarded-for': '203.0.113.7' },
    });
    expect(await outside.json()).toMatchObject({ role: null, place: null });
    // So may they where the proxy does not say that it is one.
    const publicUrl = 'wss://hub.example.org';
    const behindProxy = bench.keep(await openHub({ folder: bench.folder(), port: 0, publicUrl }));
    expect(await openPage(behindProxy.port).get('session')).toMatchObject({ body: { place: null } });
    expect(first.headers.get('set-cookie')).toMatch(/^imagiq-console=.{43}; Path=\/; .*HttpOnly; SameSite=Strict$/);
    expect(await openPage(port).post('sign-in', { code })).toMatchObject({ status: 403 });
    expect(await page.get('overview')).toMatchObject({ status: 200, body: { status: 'ok', members: 0 } });
    await page.post('sign-out', {});
    expect(await page.get('overview')).toMatchObject({ status: 401 });
    expect(await actsIn(folder)).toEqual(
      expect.arrayContaining([
        'console-link-made',
        'console-signed-in',
        'console-sign-in-refused',
        'console-signed-out',
      ]),
    );
  });

  it('a passphrase set by the coordinator opens it later; ten wrong ones in a minute close the door', async () => {
    const folder = bench.folder();
    const { port } = await hubIn(folder);
    const page = await signedInPage(port, folder);
    expect(await page.post('passphrase', { passphrase: 'short' })).toMatchObject({ status: 400 });
    const passphrase = 'eleven grey herons wade';
    expect(await page.post('passphrase', { passphrase })).toMatchObject({ status: 200 });
    const later = openPage(port);
    expect(await later.post('sign-in', { passphrase })).toMatchObject({ status: 200, body: { role: 'coordinator' } });
    expect(await later.get('members')).toMatchObject({ status: 200 });
    const stranger = openPage(port);
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect(await stranger.post('sign-in', { passphrase: `guess ${attempt}` })).toMatchObject({ status: 403 });
    }
    expect(await stranger.post('sign-in', { passphrase })).toMatchObject({ status: 429 });
    expect(await stranger.post('sign-in', { code: await linkCode(folder) })).toMatchObject({ status: 200 });
  }, 60_000);

  it('no act without the page’s own header or from a foreign page', async () => {
    const folder = bench.folder();
    const { port } = await hubIn(folder);
    const page = await signedInPage(port, folder);
    const invite = { expiresHours: 1 };
    expect(await page.post('invites/new', invite, {})).toMatchObject({ status: 403, body: { fault: { code: 536 } } });
    const foreign = { 'x-imagiq-console': '1', origin: 'https://elsewhere.example' };
    expect(await page.post('invites/new', invite, foreign)).toMatchObject({ status: 403 });
    expect(await page.get('invites')).toMatchObject({ body: { invites: [] } });
  });

  it('an observer sees everything and changes nothing', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    await hub.createInvite();
    const observer = await signedInPage(hub.port, folder, 'observer');
    for (const name of ['overview', 'members', 'invites', 'project', 'trunk']) {
      expect(await observer.get(name)).toMatchObject({ status: 200 });
    }
    for (const name of ['invites/new', 'invites/withdraw', 'members/end', 'passphrase']) {
      expect(await observer.post(name, {})).toMatchObject({ status: 403, body: { fault: { code: 535 } } });
    }
  });
});

describe('a coordinator at the console', () => {
  it('makes an invite by which a site comes, sees its updates and the trunk, and revokes it with a reason', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    const page = await signedInPage(hub.port, folder);
    const made = (await page.post('invites/new', { expiresHours: 1 })).body as { link: string };
    const lyon = await bench.site('Lyon', practiceWork({ step: 1, examples: 12 }));
    await lyon.join(made.link);
    await until('the project', () => lyon.memberships()[0]?.project);
    await lyon.approve((await hub.status()).federation, 'cohort');
    await until('a commit', async () => (await hub.status()).trunkVersion > 0);
    expect(await page.get('invites')).toMatchObject({ body: { invites: [{ state: 'used', usedBy: 'Lyon' }] } });
    await until('the answer', async () => JSON.stringify((await page.get('project')).body).includes('answeredAt'));
    expect(await page.get('project')).toMatchObject({
      body: { project: { answers: [{ site: 'Lyon', answer: 'approved', because: null }] } },
    });
    expect(await page.get('members')).toMatchObject({
      body: { members: [{ site: 'Lyon', state: 'member', role: 'site', isOnline: true, examples: 12 }] },
    });
    const trunk = (await page.get('trunk')).body as { commits: object[]; reports: object[] };
    expect(trunk.commits.at(-1)).toMatchObject({ version: 0, updates: 0 });
    expect(trunk.commits.at(-2)).toMatchObject({ version: 1, updates: 2, sites: ['Lyon'], examples: 24 });
    expect(trunk.reports.at(-1)).toMatchObject({ site: 'Lyon', baseVersion: 0, loss: 0.5 });
    const end = { site: 'Lyon', kind: 'revoked', because: 'the laptop was stolen' };
    expect(await page.post('members/end', end)).toMatchObject({ status: 200 });
    await until('the site knows', () => lyon.memberships()[0]?.state === 'refused');
    expect(await page.post('members/end', end)).toMatchObject({ status: 404, body: { fault: { code: 527 } } });
    expect(await actsIn(folder)).toEqual(expect.arrayContaining(['invite-made', 'site-enrolled', 'site-revoked']));
  });

  it('withdraws an invite: nobody comes by it any more', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    const page = await signedInPage(hub.port, folder);
    const made = await page.post('invites/new', { expiresHours: 1 });
    expect(made.body).toMatchObject({
      fingerprint: hub.fingerprint,
      reach: expect.stringContaining('only this machine'),
    });
    const { link } = made.body as { link: string };
    const { invites } = (await page.get('invites')).body as { invites: { id: string }[] };
    expect(await page.post('invites/withdraw', { id: invites[0]!.id })).toMatchObject({ status: 200 });
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await expect(lyon.join(link)).rejects.toMatchObject({ code: 500 });
    expect((await page.get('invites')).body).toMatchObject({
      invites: [{ state: 'withdrawn', usedBy: null, withdrawnAt: expect.stringMatching(/^\d{4}-/) }],
    });
    expect(await page.post('invites/withdraw', { id: invites[0]!.id })).toMatchObject({
      status: 400,
      body: { fault: { code: 537 } },
    });
  });

  it('downloads a trunk version, and the ledger has it', async () => {
    const folder = bench.folder();
    const { port } = await hubIn(folder);
    const code = await linkCode(folder);
    const base = `http://127.0.0.1:${port}/console/api`;
    const headers = { 'x-imagiq-console': '1' };
    const signed = await fetch(`${base}/sign-in`, { method: 'POST', headers, body: JSON.stringify({ code }) });
    const cookie = signed.headers.get('set-cookie')!.split(';')[0]!;
    const response = await fetch(`${base}/trunk/0`, { headers: { cookie } });
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array(weightsOf(0)));
    expect(await fetch(`${base}/trunk/9`, { headers: { cookie } })).toMatchObject({ status: 404 });
    expect(await fetch(`${base}/trunk/0`)).toMatchObject({ status: 401 });
    expect(await actsIn(folder)).toContain('trunk-sent');
  });

  it('hears at once that something happened', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    const code = await linkCode(folder);
    const base = `http://127.0.0.1:${hub.port}/console/api`;
    const headers = { 'x-imagiq-console': '1' };
    const signed = await fetch(`${base}/sign-in`, { method: 'POST', headers, body: JSON.stringify({ code }) });
    const cookie = signed.headers.get('set-cookie')!.split(';')[0]!;
    const stop = new AbortController();
    const { body } = await fetch(`${base}/live`, { headers: { cookie }, signal: stop.signal });
    const reader = body!.getReader();
    await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' });
    let heard = '';
    while (!heard.includes('site-online')) heard += Buffer.from((await reader.read()).value ?? []).toString();
    expect(heard).toContain('data: site-online\n\n');
    stop.abort();
  });
});

describe('a project at the console', () => {
  const draft = {
    id: 'nodules',
    title: 'Nodules on chest CT',
    classes: ['normal', 'nodule'],
    network: 'cnn-small',
    hyperParameters: { epochs: 1 },
    trunkRule: { bufferSize: 2 },
    commits: 20,
    seed: 1,
  };
  async function emptyHub(): Promise<{ folder: string; hub: Awaited<ReturnType<typeof openHub>> }> {
    const folder = bench.folder();
    return { folder, hub: bench.keep(await openHub({ folder, port: 0, networks: projectNetworks })) };
  }
  const problemsOf = (answer: Answer): { field: string; message: string }[] =>
    (answer.body as { problems: { field: string; message: string }[] }).problems;

  it('is looked at as it is written: everything that is wrong, each beside its field', async () => {
    const { folder, hub } = await emptyHub();
    const page = await signedInPage(hub.port, folder);
    const { networks } = (await page.get('networks')).body as { networks: { name: string }[] };
    expect(networks.map(({ name }) => name)).toContain('cnn-small');
    const wrong = { ...draft, network: 'cnn-smal', classes: ['a', 'a'], commits: -3, trunkRule: { bufferSize: 0 } };
    const problems = problemsOf(await page.post('project/check', { draft: wrong }));
    expect(problems.map(({ field }) => field).toSorted()).toEqual([
      'classes',
      'commits',
      'network',
      'trunkRule.bufferSize',
    ]);
    const robust = {
      ...draft,
      trunkRule: { bufferSize: 4, staleness: { kind: 'constant' }, combination: { kind: 'krum', byzantine: 1 } },
    };
    expect(problemsOf(await page.post('project/check', { draft: robust }))).toEqual([
      { field: 'trunkRule.bufferSize', message: expect.stringContaining('5 or more') },
    ]);
    const hasty = { ...draft, trunkRule: { bufferSize: 2, deadlineMs: 60_000, quorum: 9 } };
    expect(problemsOf(await page.post('project/check', { draft: hasty }))).toEqual([
      { field: 'trunkRule.quorum', message: expect.stringContaining('set trunkRule.quorum to 2 or less') },
    ]);
    const masked = { ...draft, trunkRule: { bufferSize: 5 }, secureAggregation: { threshold: 3 } };
    expect(problemsOf(await page.post('project/check', { draft: masked }))).toEqual([
      { field: 'updateCodec', message: expect.stringContaining('float32') },
    ]);
    expect(await page.post('project/propose', { draft: masked })).toMatchObject({ body: { fault: { code: 524 } } });
    expect(await page.get('project')).toMatchObject({ body: { project: null } });
    const graph = {
      ...draft,
      network: { ...practiceProject().network, layers: [{ op: 'relu', id: 'logits', input: 'nowhere' }] },
    };
    expect(problemsOf(await page.post('project/check', { draft: graph })).map(({ field }) => field)).toEqual([
      'network',
    ]);
  });

  it('is put to the sites that are there, and retired with a reason; both acts are in the ledger', async () => {
    const { folder, hub } = await emptyHub();
    const page = await signedInPage(hub.port, folder);
    const lyon = await bench.site('Lyon', practiceWork({ step: 0.01 }));
    await lyon.join(await hub.createInvite());
    expect(await page.post('project/check', { draft })).toMatchObject({
      body: { problems: [], usable: { standing: 'new' } },
    });
    expect(await page.post('project/propose', { draft })).toMatchObject({ status: 200 });
    const asked = await until('the question', () => lyon.memberships()[0]?.project);
    expect(asked).toMatchObject({ id: 'nodules', network: { name: 'cnn-small' }, sitesToStart: 1 });
    expect(await page.post('project/check', { draft })).toMatchObject({ body: { usable: { standing: 'current' } } });
    lyon.decline((await hub.status()).federation, 'no chest CT here');
    await until('the answer', async () =>
      JSON.stringify((await page.get('project')).body).includes('no chest CT here'),
    );
    expect(await page.post('project/retire', { because: ' ' })).toMatchObject({ status: 400 });
    expect(await page.post('project/retire', { because: 'the study ended' })).toMatchObject({ status: 200 });
    expect(await page.get('project')).toMatchObject({
      body: { project: { isFinished: true, retiredBecause: 'the study ended' } },
    });
    expect(await page.post('project/retire', { because: 'again' })).toMatchObject({ body: { fault: { code: 512 } } });
    const entries = await hubLedgerEntriesIn(folder, 100, () => true);
    expect(entries.map(({ act }) => act)).toEqual(expect.arrayContaining(['project-proposed', 'project-retired']));
    expect(entries.find(({ act }) => act === 'project-retired')).toMatchObject({
      detail: { reason: 'the study ended' },
    });
  });

  it('neither an observer nor a foreign page proposes or retires', async () => {
    const { folder, hub } = await emptyHub();
    const observer = await signedInPage(hub.port, folder, 'observer');
    const coordinator = await signedInPage(hub.port, folder);
    for (const [name, body] of [
      ['project/check', { draft }],
      ['project/propose', { draft }],
      ['project/retire', { because: 'mischief' }],
    ] as const) {
      expect(await observer.post(name, body)).toMatchObject({ status: 403, body: { fault: { code: 535 } } });
      expect(await coordinator.post(name, body, {})).toMatchObject({ status: 403, body: { fault: { code: 536 } } });
    }
    expect(await coordinator.get('project')).toMatchObject({ body: { project: null } });
  });

  it('an earlier project that is put to the sites again goes on, with an entry in the ledger', async () => {
    const { folder, hub } = await emptyHub();
    const page = await signedInPage(hub.port, folder);
    for (const commits of [20, 30, 20]) await page.post('project/propose', { draft: { ...draft, commits } });
    expect(await page.get('project')).toMatchObject({ body: { project: { project: { commits: 20 } } } });
    expect((await actsIn(folder)).filter((act) => act.startsWith('project-'))).toHaveLength(3);
    expect(await actsIn(folder)).toContain('project-taken-up-again');
  });

  it('an invite for an observer lets one in who sends nothing', async () => {
    const { folder, hub } = await emptyHub();
    const page = await signedInPage(hub.port, folder);
    const { link } = (await page.post('invites/new', { expiresHours: 1, role: 'observer' })).body as { link: string };
    const lund = await bench.site('Lund', practiceWork({ step: 1 }));
    await lund.join(link);
    expect(await page.get('members')).toMatchObject({ body: { members: [{ site: 'Lund', role: 'observer' }] } });
  });
});

describe('what watches the hub', () => {
  it('reads counters and gauges that follow what happens', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    const site = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' });
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    await site.channel.ask({ kind: 'update-offered', update: signed });
    await site.channel.ask({ kind: 'update-offered', update: signed });
    const text = await (await fetch(`http://127.0.0.1:${hub.port}/metrics`)).text();
    const value = (name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    expect(value('imagiq_hub_connections')).toBe(1);
    expect(value('imagiq_hub_members')).toBe(1);
    expect(value('imagiq_hub_updates_accepted_total')).toBe(1);
    expect(value('imagiq_hub_updates_duplicate_total')).toBe(1);
    expect(value('imagiq_hub_buffered_updates')).toBe(1);
    expect(value('imagiq_hub_received_bytes_total')).toBeGreaterThan(256);
    expect(value('imagiq_hub_blob_bytes')).toBeGreaterThan(256);
    expect(text).not.toContain('Lyon');
    for (const line of text.trim().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+({\w+="[\w.]+"})? [\d.e-]+)$/);
  });

  it('/healthz says what is amiss after a failed commit, until one succeeds', async () => {
    const folder = bench.folder();
    let isDiskFull = true;
    const hub = bench.keep(
      await openHub({
        folder,
        port: 0,
        project: practiceProject({ rule: { bufferSize: 1 } }),
        initialWeights: weightsOf(0),
        onStep(step) {
          if (step === 'trunk-blob-written' && isDiskFull) throw new Error('the disk is full');
        },
      }),
    );
    const health = async (): Promise<object> =>
      (await (await fetch(`http://127.0.0.1:${hub.port}/healthz`)).json()) as object;
    expect(await health()).toMatchObject({ status: 'ok' });
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await hub.createInvite());
    await until('the project', () => lyon.memberships()[0]?.project);
    await lyon.approve((await hub.status()).federation, 'cohort');
    await until(
      'a failed commit',
      async () => 'status' in (await health()) && JSON.stringify(await health()).includes('degraded'),
    );
    isDiskFull = false;
    await hub.setProject(practiceProject({ rule: { bufferSize: 1 } }), weightsOf(0));
    await until('it is well again', async () => JSON.stringify(await health()).includes('"ok"'));
  });
});

describe('the console’s pages', () => {
  it('come with a policy that lets nothing in from elsewhere, and only files that were built', async () => {
    const { port } = await hubIn(bench.folder());
    const base = `http://127.0.0.1:${port}`;
    const page = await fetch(`${base}/`);
    expect(page.url).toBe(`${base}/console/`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    for (const path of ['/console/../package.json', '/console/%2e%2e/package.json', '/console/api', '/elsewhere']) {
      expect([path, (await fetch(`${base}${path}`)).status]).toEqual([path, 404]);
    }
  });
});
