// Lines from site to site: TLS under the certificate that the device named, both device keys proven, models without the hub.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub, type Hub } from '../../../src/sync/hub/hub.ts';
import { createDeviceKeys } from '../../../src/sync/protocol/device-keys.ts';
import { parseInvite } from '../../../src/sync/protocol/invite-link.ts';
import { parseStatement, signStatement } from '../../../src/sync/protocol/statement.ts';
import { dial } from '../../../src/sync/site/dial.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import { dialPeer } from '../../../src/sync/site/peer-dial.ts';
import type { CommittedModel } from '../../../src/sync/site/bench-acts.ts';
import {
  classes,
  openBench,
  practiceProject,
  practiceWork,
  type PracticeSite,
  until,
  weightsOf,
} from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({ rule: { bufferSize: 1 }, commits: 1 });
const committed = (value: number): CommittedModel => ({
  weights: weightsOf(value),
  definition: project.network,
  classes,
  normalisation: null,
  parents: [],
  datasetFingerprint: 'a'.repeat(64),
  examples: 12,
  metrics: null,
});
const stateOf = (site: PracticeSite) => {
  const [name] = readdirSync(path.join(site.folder, 'federations'));
  return readMembershipState(path.join(site.folder, 'federations', name!))!;
};
const peerOf = (site: PracticeSite, name: string) => site.memberships()[0]!.peers.find((peer) => peer.site === name);

/** Sites of one federation that have finished its project; those named listen on loopback. */
async function federation(
  listeners: readonly string[],
  names = ['Lyon', 'Oslo'],
): Promise<{ hub: Hub; sites: PracticeSite[] }> {
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
  const sites: PracticeSite[] = [];
  for (const [index, name] of names.entries()) {
    const site = await bench.site(name, practiceWork({ step: 0.061 + index * 0.03, goal: 0.5 }));
    if (listeners.includes(name)) await site.listen({ isOn: true, port: 0, address: '127.0.0.1' });
    await site.join(await hub.createInvite());
    await until('the project is announced', () => site.memberships()[0]?.project);
    await site.approve('ImagiQ', 'chest');
    sites.push(site);
  }
  await until('all are done', () => sites.every((site) => site.memberships()[0]!.state === 'finished'));
  return { hub, sites };
}

describe('direct lines', () => {
  it('a site that cannot listen opens the line; models go both ways on it, also without the hub, each once', async () => {
    const { hub, sites } = await federation(['Lyon']);
    const [lyon, oslo] = sites as [PracticeSite, PracticeSite];
    await until('both have the line', () =>
      [peerOf(oslo, 'Lyon'), peerOf(lyon, 'Oslo')].every((peer) => peer?.route === 'direct'),
    );
    await hub.close();
    await until('the hub is gone', () => sites.every((site) => site.memberships()[0]!.reason !== null));

    const ofLyon = await lyon.bench('ImagiQ').publish(committed(0.5));
    const ofOslo = await oslo.bench('ImagiQ').publish(committed(0.45));
    await until('Oslo judged Lyon’s', () =>
      oslo.memberships()[0]!.bench.some((one) => one.model === ofLyon.model && one.auc !== null),
    );
    await until('Lyon judged Oslo’s', () =>
      lyon.memberships()[0]!.bench.some((one) => one.model === ofOslo.model && one.auc !== null),
    );
    await until('Lyon knows that Oslo has it', () =>
      stateOf(lyon).published.every(({ recipients }) => recipients.includes(oslo.fingerprint)),
    );
    const shared = lyon.ledger.filter(({ act, detail }) => act === 'model-shared' && detail['model'] === ofLyon.model);
    expect(shared).toHaveLength(1);
    expect(shared[0]!.detail['device']).toBe(oslo.fingerprint);
  });

  it('a site hands over its models too where it hears of a peer’s address on a line that the peer opened', async () => {
    const { sites } = await federation(['Lyon']);
    const [lyon, oslo] = sites as [PracticeSite, PracticeSite];
    await until('Lyon has the line', () => peerOf(lyon, 'Oslo')?.route === 'direct');
    await oslo.listen({ isOn: true, port: 0, address: '127.0.0.1' });
    await until('Lyon knows the address', () => peerOf(lyon, 'Oslo')?.address !== null);
    for (const value of [0.5, 0.45]) {
      const { model } = await lyon.bench('ImagiQ').publish(committed(value));
      await until('Oslo has it', () => oslo.memberships()[0]!.bench.some((one) => one.model === model));
    }
    const opened = lyon.ledger.filter(
      ({ act, detail }) => act === 'model-shared' && detail['device'] === oslo.fingerprint,
    );
    expect(opened.length).toBeGreaterThanOrEqual(2);
  });

  it('a model that the hub took and did not hand on before it went away is fetched from its author', async () => {
    const { hub, sites } = await federation(['Lyon']);
    const [lyon, oslo] = sites as [PracticeSite, PracticeSite];
    await until('Oslo has the line', () => peerOf(oslo, 'Lyon')?.route === 'direct');
    await oslo.close();
    await until('the line is gone', () => peerOf(lyon, 'Oslo')?.route === 'away');
    const { model } = await lyon.bench('ImagiQ').publish(committed(0.5));
    await until('the hub has it for Oslo', () => lyon.memberships()[0]!.undelivered.length === 0);
    await hub.close();
    const again = await bench.site('Oslo', practiceWork({ step: 0.091, goal: 0.5 }), oslo.folder);
    const fetched = (): boolean => again.memberships()[0]!.bench.some((one) => one.model === model);
    expect(await until('Oslo has it', fetched)).toBe(true);
  });

  it('a model that a peer has from the hub is not said to have left for it once more when the hub goes away', async () => {
    const { hub, sites } = await federation(['Lyon']);
    const [lyon, oslo] = sites as [PracticeSite, PracticeSite];
    await until('Oslo has the line', () => peerOf(oslo, 'Lyon')?.route === 'direct');
    await oslo.close();
    await until('the line is gone', () => peerOf(lyon, 'Oslo')?.route === 'away');
    const first = await lyon.bench('ImagiQ').publish(committed(0.5));
    await until('the hub has it for Oslo', () => lyon.memberships()[0]!.undelivered.length === 0);
    const again = await bench.site('Oslo', practiceWork({ step: 0.091, goal: 0.5 }), oslo.folder);
    const has = (model: string) => (): boolean => again.memberships()[0]!.bench.some((one) => one.model === model);
    await until('Oslo has it', has(first.model));
    await until('Oslo has the line again', () => peerOf(again, 'Lyon')?.route === 'direct');
    await hub.close();
    await until('the hub is gone', () => lyon.memberships()[0]!.reason !== null);
    const second = await lyon.bench('ImagiQ').publish(committed(0.45));
    await until('Oslo has the next', has(second.model));
    const left = (model: string): unknown[] =>
      lyon.ledger.filter(({ act, detail }) => act === 'model-shared' && detail['model'] === model);
    expect(left(first.model)).toHaveLength(1);
    expect(left(second.model)).toHaveLength(1);
  });

  it('since when the hub is away is counted from when this site stopped, where it stopped online', async () => {
    const { hub, sites } = await federation([]);
    const [lyon] = sites as [PracticeSite, PracticeSite];
    const heard = stateOf(lyon).hubHeardAtMs;
    await lyon.close();
    await hub.close();
    expect(stateOf(lyon).hubHeardAtMs).toBeGreaterThan(heard);
  });

  it('is closed to strangers, and to whoever brings another key or another certificate', async () => {
    const { sites } = await federation(['Lyon']);
    const [lyon, oslo] = sites as [PracticeSite, PracticeSite];
    await until('Oslo has the line', () => peerOf(oslo, 'Lyon')?.route === 'direct');
    const address = parseStatement('address', stateOf(oslo).addresses[lyon.fingerprint]!.statement);
    const stranger = createDeviceKeys();
    const card = signStatement(
      'site-card',
      { site: 'Oslo', publicKey: stranger.publicKey, boxPublicKey: stranger.boxPublicKey },
      stranger,
    );
    const dialled = { address, site: 'Lyon', keys: stranger, card, membership: null };
    await expect(dialPeer(dialled)).rejects.toMatchObject({
      code: 490,
      message: expect.stringContaining('does not know yours'),
    });
    const [, port] = new URL(address.url!).host.split(':');

    // Someone who took over the address, with a certificate of their own.
    const other = await siteListening();
    const elsewhere = { ...address, url: `wss://127.0.0.1:${other.listening().listensOn}` };
    await expect(dialPeer({ ...dialled, address: elsewhere })).rejects.toMatchObject({ code: 490 });
    // The right certificate and another device key.
    const impostor = { ...address, device: stranger.fingerprint };
    await expect(dialPeer({ ...dialled, address: impostor })).rejects.toMatchObject({ code: 491 });
    // Below TLS 1.3 nobody answers.
    await expect(
      new Promise((resolve, reject) => {
        const old = tls.connect(
          { host: '127.0.0.1', port: Number(port), maxVersion: 'TLSv1.2', rejectUnauthorized: false },
          () => resolve('open'),
        );
        old.on('error', reject);
      }),
    ).rejects.toThrow(/protocol version|alert|ECONNRESET|EPROTO/i);
  });

  it('an address that another wrote is not followed; a site that stops listening says so', async () => {
    const { hub, sites } = await federation(['Lyon']);
    const [lyon, oslo] = sites as [PracticeSite, PracticeSite];
    await until('Oslo knows it', () => stateOf(oslo).addresses[lyon.fingerprint]);
    const before = stateOf(oslo).addresses[lyon.fingerprint]!;
    const told = parseStatement('address', before.statement);
    const invite = await hub.createInvite();
    const quito = createDeviceKeys();
    const forged = signStatement(
      'address',
      { ...told, sequence: told.sequence + 9, url: 'wss://evil.example:1' },
      quito,
    );
    const { url, hubFingerprint, code } = parseInvite(invite);
    const line = await dial({
      url,
      hubFingerprint,
      keys: quito,
      site: 'Quito',
      inviteCode: code,
      lastModelSequence: 0,
      agent: null,
      address: forged,
    });
    await until('Oslo knows Quito', () => peerOf(oslo, 'Quito'));
    expect(stateOf(oslo).addresses).toEqual({ [lyon.fingerprint]: before });
    line.socket.terminate();
    await lyon.listen({ isOn: false, port: 0, address: null });
    await until(
      'Oslo heard that it is closed',
      () => parseStatement('address', stateOf(oslo).addresses[lyon.fingerprint]!.statement).url === null,
    );
    await until('and shows it', () => peerOf(oslo, 'Lyon')?.address === null);
    expect(parseStatement('address', stateOf(oslo).addresses[lyon.fingerprint]!.statement).sequence).toBeGreaterThan(
      told.sequence,
    );
  });

  it('where nothing answers at the address, the hub relays, sealed', async () => {
    const { sites } = await federation(['Lyon']);
    const [lyon, oslo] = sites as [PracticeSite, PracticeSite];
    // A name that nobody outside the hospital can look up.
    await lyon.listen({ isOn: true, port: 0, address: 'workstation.invalid' });
    await until('Oslo was told', () => peerOf(oslo, 'Lyon')?.address?.includes('workstation.invalid'));
    await oslo.close();
    const back = await bench.site('Oslo', practiceWork({ step: 0.091, goal: 0.5 }), oslo.folder);
    await until('it is at the hub', () => peerOf(lyon, 'Oslo')?.route === 'relay');
    const { model, recipients } = await lyon.bench('ImagiQ').publish(committed(0.5));
    expect(recipients).toEqual(['Oslo']);
    await until('Oslo has it', () => back.memberships()[0]!.bench.some((one) => one.model === model));
  });
});

async function siteListening(): Promise<PracticeSite> {
  const site = await bench.site('Quito', practiceWork({ step: 1 }));
  await site.listen({ isOn: true, port: 0, address: '127.0.0.1' });
  return site;
}
