// What a site's machine does for a federation, behind an interface: the station implements it with its cohorts and its trainer.
// Nothing here can name a patient, a study or a pixel: weights and numbers only.
import type { Project } from '../../contract/federation.ts';
import type { LeakFinding } from '../../contract/leak-finding.ts';
import type { Metrics } from '../../contract/metrics.ts';
import type { Network } from '../../contract/network.ts';

/** A model as it is asked: of the project's network unless it brings another, and prepared as the cohort's images are unless it says how. */
export interface Voter {
  readonly weights: Uint8Array;
  readonly definition?: Network;
  readonly normalisation?: { readonly mean: number; readonly standardDeviation: number };
}

/** Weights travel as safetensors bytes in the network's canonical order. */
export interface SiteWork {
  /**
   * Trains `project.hyperParameters.epochs` epochs from the trunk on the cohort's training split.
   * Killed and asked again with the same `turn`, it may resume its checkpoint.
   * @throws Fault 471 where it may train no more: it is asked again with the next trunk, or after `Site.lookAgain`
   */
  trainUpdate(order: {
    readonly project: Project;
    readonly cohort: string;
    readonly trunkWeights: Uint8Array;
    readonly trunkVersion: number;
    /** Counts this site's updates from 0: mix it into the seed, so that two updates from one trunk differ. */
    readonly turn: number;
    /**
     * SCAFFOLD: control variates of this site and of the trunk, as tensor files by the names of weights; a tensor that is missing, or a null
     * file, is 0. Null: no correction.
     */
    readonly controlVariates: { readonly site: Uint8Array | null; readonly trunk: Uint8Array | null } | null;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: WorkProgress) => void;
  }): Promise<{
    readonly weights: Uint8Array;
    readonly examples: number;
    readonly loss: number;
    /** With `controlVariates`: the site's next one, of every weight that was trained. */
    readonly controlVariate?: Uint8Array;
  }>;

  /**
   * Attacks the update that this site would send next, trained from these weights, as somebody could who sees it. Asked before the first
   * update under an approval. Resolves after seconds; a probe that could not be made is a finding too, and no reason to throw.
   */
  probeLeak(order: {
    readonly federation: string;
    readonly project: Project;
    readonly cohort: string;
    readonly trunkWeights: Uint8Array;
    readonly signal: AbortSignal;
  }): Promise<LeakFinding>;

  /**
   * Trains a model on the cohort alone, as a site without a federation would: the rival and the bench's first model.
   * @throws Fault 471 where it may train no more: it is asked again after `Site.lookAgain`
   */
  trainLocalOnly(order: {
    readonly project: Project;
    readonly cohort: string;
    readonly signal: AbortSignal;
  }): Promise<{ readonly weights: Uint8Array; readonly examples: number }>;

  /**
   * Evaluates weights on one split: row-major [examples, classes] probabilities, and the class of each example, or row-major 0 and 1
   * where an image has several labels; both empty where the network draws masks. The examples come in the same order whatever the network.
   * @throws Fault that says `never` where `others` cannot vote with it
   */
  evaluate(
    order: Voter & {
      readonly project: Project;
      readonly cohort: string;
      readonly split: 'validation' | 'test';
      /** What is measured is the mean of what all of them say. */
      readonly others?: readonly Voter[];
    },
  ): Promise<{ readonly metrics: Metrics; readonly probabilities: Float32Array; readonly labels: Int32Array }>;

  /** Metrics of probabilities that were made elsewhere (an ensemble's mean), in the order in which `evaluate` gives them; not of masks. */
  measure(order: {
    readonly project: Project;
    readonly cohort: string;
    readonly probabilities: Float32Array;
    readonly split: 'validation' | 'test';
  }): Promise<Metrics>;

  /** Names and shapes of a network's weights. Throws where it is not a usable network. */
  layoutOf(
    definition: Network,
    classes: number,
  ): readonly { readonly name: string; readonly shape: readonly number[] }[];

  /** SHA-256 (hex) of the cohort version: it changes when a study, a label or a split changes, and tells nothing else. */
  datasetFingerprint(cohort: string): Promise<string>;
}

export interface WorkProgress {
  /** 0…1 of the work at hand. */
  readonly share: number;
  readonly loss: number;
}
