// The project of the practice federation and of the desktop app's first try: a small CNN on the four generated findings.
import { type Project, projectSchema } from '../../contract/federation.ts';
import { networkCatalogue, resolveNetwork, startTrainer, type TrainerProcess } from '../../trainer/client.ts';
import { practiceClasses } from './practice-studies.ts';

const practiceNetwork = 'cnn-small';

/** Updates per trunk commit: as many as there are quick hospitals, which so never wait for the slow one. */
const bufferSize = 3;

/** A project on the practice studies that ends after `commits` trunk commits. */
export function practiceProject({ commits }: { readonly commits: number }): Project {
  return projectSchema.parse({
    id: 'practice-chest-ct',
    title: 'Practice: findings on generated chest CT',
    classes: [...practiceClasses],
    network: resolveNetwork(practiceNetwork),
    hyperParameters: { epochs: 1, batchSize: 32, optimiser: 'adam', learningRate: 3e-3, schedule: 'cosine' },
    trunkRule: { bufferSize },
    commits,
    seed: 7,
  });
}

/** A trainer process of the demo's own, for the rival that no hospital could train. */
export function practiceTrainer(): TrainerProcess {
  return startTrainer({});
}

/** Trainable and statistic parameters of the practice network. */
export function practiceParameters(): number {
  return networkCatalogue().find(({ name }) => name === practiceNetwork)?.parameters ?? 0;
}
