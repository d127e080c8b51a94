// With the hub switched off: sites that know each other go on exchanging models, each process killed as it comes.
import { afterEach, expect, it } from 'vitest';
import type { Membership } from '../../../src/contract/federation.ts';
import { openBench, until } from './federation-fixture.ts';
import { type HubProcess, type PeerProcess, startHubProcess, startPeer } from './peer-processes.ts';

const bench = openBench();
const processes: { kill(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one.kill()));
  await bench.close();
});
const kept = <T extends { kill(): Promise<void> }>(one: T): T => {
  processes.push(one);
  return one;
};

const ensembleAuc = (view: Membership | null): number =>
  view?.scoreboard?.rows.find(({ model }) => model === 'ensemble')?.auc?.value ?? 0;
const isDirect = (peer: PeerProcess, site: string): boolean =>
  peer.membership?.peers.some((one) => one.site === site && one.route === 'direct') ?? false;

it('the hub is killed: three sites exchange models and their ensembles gain; one is killed and comes back; with the hub back nothing is doubled', async () => {
  const project = { rule: { bufferSize: 1 }, commits: 1 };
  const folder = bench.folder();
  const first: HubProcess = kept(await startHubProcess({ folder, port: 0, project }));
  const quitoOrder = { folder: bench.folder(), name: 'Quito', step: 0.02, goal: 0.5, isListening: false };
  const lyon = kept(
    await startPeer({ folder: bench.folder(), name: 'Lyon', step: 0.01, goal: 0.5, isListening: true }),
  );
  const oslo = kept(
    await startPeer({ folder: bench.folder(), name: 'Oslo', step: 0.015, goal: 0.5, isListening: true }),
  );
  let quito = kept(await startPeer(quitoOrder));
  const three = (): PeerProcess[] => [lyon, oslo, quito];
  for (const [index, peer] of three().entries()) await peer.order({ act: 'join', invite: first.invites[index]! });
  await until('all are done', () => three().every(({ membership }) => membership?.state === 'finished'), 60_000);
  await until(
    'the lines are open',
    () => isDirect(oslo, 'Lyon') && isDirect(quito, 'Lyon') && isDirect(quito, 'Oslo'),
    60_000,
  );
  const before = three().map(({ membership }) => ensembleAuc(membership));

  await first.kill();
  const shown = await lyon.order<{ model: string }>({ act: 'publish', value: 0.5 });
  for (const [index, peer] of three().entries()) {
    await until('its ensemble gained', () => ensembleAuc(peer.membership) > before[index]!, 60_000);
    expect(peer.membership!.bench.find(({ model }) => model === shown.model)).toMatchObject({ selected: true, auc: 1 });
  }

  // What a site must know of its peers outlives it.
  await quito.kill();
  const early = quito.ledger;
  quito = kept(await startPeer(quitoOrder));
  await until('Quito opened its lines again', () => isDirect(quito, 'Lyon') && isDirect(quito, 'Oslo'), 60_000);
  const second = await oslo.order<{ model: string }>({ act: 'publish', value: 0.49 });
  await until(
    'Quito has Oslo’s',
    () => quito.membership!.bench.some(({ model, auc }) => model === second.model && auc !== null),
    60_000,
  );
  const third = await quito.order<{ model: string }>({ act: 'publish', value: 0.48 });
  await until('Lyon has Quito’s', () => lyon.membership!.bench.some(({ model }) => model === third.model), 60_000);

  kept(await startHubProcess({ folder, port: first.port, project }));
  await until(
    'all are back',
    () => three().every(({ membership }) => membership!.members.filter(({ online }) => online).length === 3),
    60_000,
  );
  const late = await lyon.order<{ model: string }>({ act: 'publish', value: 0.47 });
  await until(
    'it is with both',
    () => [oslo, quito].every(({ membership }) => membership!.bench.some(({ model }) => model === late.model)),
    60_000,
  );

  const received = (peer: PeerProcess, earlier: PeerProcess['ledger'] = []): unknown[] =>
    [...earlier, ...peer.ledger].filter(({ act }) => act === 'model-received').map(({ detail }) => detail['model']);
  for (const models of [received(lyon), received(oslo), received(quito, early)]) {
    expect(new Set(models).size).toBe(models.length);
  }
  for (const peer of three()) {
    const own = peer.ledger
      .filter(({ act, detail }) => act === 'model-shared' && detail['device'] !== undefined)
      .map(({ detail }) => `${detail['model']} ${detail['device']}`);
    expect(new Set(own).size).toBe(own.length);
    const models = peer.membership!.bench.map(({ model, site }) => `${model} ${site}`);
    expect(new Set(models).size).toBe(models.length);
  }
  // The hub never saw what went from site to site.
  const relayed = lyon.ledger.filter(({ act, detail }) => act === 'model-shared' && detail['device'] === undefined);
  expect(relayed.map(({ detail }) => detail['model'])).not.toContain(shown.model);
}, 240_000);
