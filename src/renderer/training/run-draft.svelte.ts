// A run that is being asked for: what was chosen and typed. It outlives its dialog, so that the next run can differ in one field.
import type { Run } from '../../contract/calls.ts';
import { type HyperParameters, hyperParametersSchema } from '../../contract/training.ts';
import { fieldGroups } from '../ui/hyper-parameter-fields.ts';

const defaults: HyperParameters = hyperParametersSchema.parse({});
const advanced = fieldGroups.flatMap(({ fields }) => fields.map(({ name }) => name));

export class RunDraft {
  /** Empty: the newest. */
  cohort = $state('');
  /** Empty: the first that can learn the cohort's task. */
  network = $state('');
  /** A network of one's own; null for a bundled one. */
  networkFile = $state<string | null>(null);
  /** The model to go on from; empty for random weights. */
  model = $state('');
  note = $state('');
  settings = $state<HyperParameters>({ ...defaults });
  seed = $state<number | null>(null);
  fitMemory = $state(true);
  hasPromise = $state(false);
  targetEpsilon = $state(4);
  /** By class name; null where none is given. */
  classWeights = $state<Record<string, number | null>>({});

  /** What a run had; its seed was drawn. */
  takeFrom({ cohort, network, hyperParameters }: Pick<Run, 'cohort' | 'network' | 'hyperParameters'>): void {
    this.cohort = cohort;
    if (hyperParameters === null) return;
    const { privacy, classWeights, ...settings } = hyperParameters;
    this.network = network;
    this.settings = { ...settings, privacy: null, classWeights: null };
    this.classWeights = { ...classWeights };
    this.hasPromise = privacy !== null;
    if (privacy !== null) this.targetEpsilon = privacy.maxEpsilon;
  }

  /** How many of these classes have a weight. */
  weightsGiven(classes: readonly string[]): number {
    return classes.filter((name) => this.classWeights[name] != null).length;
  }

  /** Advanced settings that are not the defaults. */
  changed(classes: readonly string[]): number {
    return (
      advanced.filter((name) => this.settings[name] !== defaults[name]).length +
      (this.seed === null ? 0 : 1) +
      (this.fitMemory ? 0 : 1) +
      (this.weightsGiven(classes) > 0 ? 1 : 0)
    );
  }

  /** All that stands under “Advanced” as it comes. */
  reset(): void {
    const { epochs, batchSize, learningRate } = this.settings;
    this.settings = { ...defaults, epochs, batchSize, learningRate };
    this.seed = null;
    this.fitMemory = true;
    this.classWeights = {};
  }

  /** As the station takes them; a privacy promise is asked for apart. */
  hyperParameters(classes: readonly string[]): HyperParameters {
    const weighed = Object.entries(this.classWeights).flatMap(([name, weight]) =>
      classes.includes(name) && weight !== null ? [[name, weight] as const] : [],
    );
    const classWeights = weighed.length === 0 || this.hasPromise ? null : Object.fromEntries(weighed);
    return { ...$state.snapshot(this.settings), classWeights };
  }
}
