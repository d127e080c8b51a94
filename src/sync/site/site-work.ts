// What a site's machine does for a federation, behind an interface: the station implements it with its cohorts and its trainer.
// Nothing here can name a patient, a study or a pixel: weights and numbers only.
import type { Project } from '../../contract/federation.ts';
import type { Metrics } from '../../contract/metrics.ts';

/** Weights travel as safetensors bytes in the network's canonical order. */
export interface SiteWork {
  /**
   * Trains `project.hyperParameters.epochs` epochs from the trunk on the cohort's training split.
   * Killed and asked again with the same `turn`, it may resume its checkpoint.
   */
  trainUpdate(order: {
    readonly project: Project;
    readonly cohort: string;
    readonly trunkWeights: Uint8Array;
    readonly trunkVersion: number;
    /** Counts this site's updates from 0: mix it into the seed, so that two updates from one trunk differ. */
    readonly turn: number;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: WorkProgress) => void;
  }): Promise<{ readonly weights: Uint8Array; readonly examples: number; readonly loss: number }>;

  /** Trains a model on the cohort alone, as a site without a federation would: the rival and the bench's first model. */
  trainLocalOnly(order: {
    readonly project: Project;
    readonly cohort: string;
    readonly signal: AbortSignal;
  }): Promise<{ readonly weights: Uint8Array; readonly examples: number }>;

  /** Evaluates weights of the project's network on one split: row-major [examples, classes] probabilities, its labels. */
  evaluate(order: {
    readonly project: Project;
    readonly cohort: string;
    readonly weights: Uint8Array;
    readonly split: 'validation' | 'test';
  }): Promise<{ readonly metrics: Metrics; readonly probabilities: Float32Array; readonly labels: Int32Array }>;

  /** Metrics of probabilities that were made elsewhere (an ensemble's mean), in the order in which `evaluate` gives them. */
  measure(order: {
    readonly project: Project;
    readonly cohort: string;
    readonly probabilities: Float32Array;
    readonly split: 'validation' | 'test';
  }): Promise<Metrics>;

  /** SHA-256 (hex) of the cohort version: it changes when a study, a label or a split changes, and tells nothing else. */
  datasetFingerprint(cohort: string): Promise<string>;
}

export interface WorkProgress {
  /** 0…1 of the work at hand. */
  readonly share: number;
  readonly loss: number;
}
