// A site in a process of its own that a test orders about over IPC, and may kill at any moment.
import { readFileSync } from 'node:fs';
import type { Project } from '../../../src/contract/federation.ts';
import { openCutOff } from './faults/cut-off.ts';
import { speakAs } from './faults/speak-as.ts';

const cutOff = openCutOff();
const { folder, name, step, goal, isListening, secondsPerUpdate, features } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  name: string;
  step: number;
  goal: number;
  isListening: boolean;
  secondsPerUpdate?: number;
  /** What the site names in its handshakes, where it is an older one. */
  features?: readonly string[];
};
if (features !== undefined) speakAs(features, (await import('../../../src/sync/protocol/limits.ts')).wireFeatures);
const { openSite } = await import('../../../src/sync/site/site.ts');
const { classes, firstWeight, practiceWork, until, weightsOf } = await import('./federation-fixture.ts');

export interface PeerOrder {
  readonly id: number;
  readonly act: 'join' | 'enter' | 'approve' | 'publish' | 'view' | 'shared' | 'cut-off';
  readonly invite?: string;
  readonly value?: number;
  /** Of `cut-off`: what is out of reach from now on. */
  readonly ports?: readonly number[];
}

const beforeUpdate = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, (secondsPerUpdate ?? 0) * 1_000));
const site = await openSite({
  folder,
  siteName: name,
  work: practiceWork({ step, goal, beforeUpdate }),
  random: () => 0.2,
  onChange: (membership) => process.send?.({ membership }),
  onLedger: (act, detail) => process.send?.({ ledger: { act, detail } }),
});
if (isListening && !site.listening().isOn) await site.listen({ isOn: true, port: 0, address: '127.0.0.1' });

async function obey({ act, invite, value, ports }: PeerOrder): Promise<unknown> {
  switch (act) {
    case 'join':
      await site.join(invite!);
      await until('the project is announced', () => site.memberships()[0]?.project);
      return site.approve('ImagiQ', 'chest');
    case 'publish': {
      const project = site.memberships()[0]!.project as Project;
      return site.bench('ImagiQ').publish({
        weights: weightsOf(value!),
        definition: project.network,
        classes,
        normalisation: null,
        parents: [],
        datasetFingerprint: 'a'.repeat(64),
        examples: 10,
        metrics: null,
      });
    }
    case 'view':
      return { ...site.memberships()[0]!, lineage: site.lineage('ImagiQ') };
    case 'enter':
      await site.join(invite!);
      return until('the project is announced', () => site.memberships()[0]?.project);
    case 'approve':
      return site.approve('ImagiQ', 'chest');
    case 'cut-off':
      return cutOff.from(ports!);
    case 'shared':
      return firstWeight(readFileSync(site.ensembleOf('ImagiQ')!.trunkFile!));
  }
}

process.on('message', (order: PeerOrder) => {
  void obey(order).then(
    (value) => process.send?.({ id: order.id, value }),
    (error: unknown) => process.send?.({ id: order.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ isReady: true });
