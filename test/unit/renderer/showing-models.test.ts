import { expect, test, vi } from 'vitest';
import type { Membership } from '../../../src/contract/federation.ts';
import type { Model } from '../../../src/contract/model.ts';
import { Federations } from '../../../src/renderer/federation/federation.svelte.ts';
import { Toasts } from '../../../src/renderer/ui/toasts.svelte.ts';
import { stationStandIn } from './station-stand-in.ts';

const model = { task: 'classification', classes: ['a', 'b'] } as Model;
const project = { network: { task: 'classification' }, classes: ['a', 'b'] };
const peers = [
  { site: 'Oslo', route: 'relay' },
  { site: 'Quito', route: 'away' },
];
const membership = (federation: string, changes: object = {}): Membership =>
  ({ federation, project, cohort: 'chest', state: 'online', peers, ...changes }) as unknown as Membership;

async function federationsOf(memberships: Membership[], recipients: string[] = []) {
  const { link } = stationStandIn({
    memberships: () => ({ memberships }),
    'publish-model': () => ({ model: 'ab', network: 'cnn', recipients }),
  });
  const toasts = new Toasts(() => 'federation');
  const federations = new Federations(link, toasts);
  await vi.waitFor(() => expect(federations.memberships).toHaveLength(memberships.length));
  return { federations, toasts };
}

test('a model may be shown where a project of its task and classes was approved', async () => {
  const { federations } = await federationsOf([
    membership('Chest'),
    membership('Refused', { state: 'refused' }),
    membership('Not approved', { cohort: null }),
    membership('Other classes', { project: { ...project, classes: ['b', 'a'] } }),
    membership('No project', { project: null }),
  ]);
  expect(federations.showableTo(model)).toEqual(['Chest']);
});

test('a peer that is away is not told as one that it was shown to', async () => {
  const { federations, toasts } = await federationsOf([membership('Chest')], ['Oslo', 'Quito']);
  await federations.publish('Chest', 'a'.repeat(16));
  expect(toasts.shown.map(({ message }) => message)).toEqual([
    'The model is shown to Oslo. The hub holds it, sealed, for Quito until they are back.',
  ]);
});
