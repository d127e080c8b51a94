/** Why a project cannot do what it promises, and what can be used instead. */
export interface Unusable {
  /** The field of the project that it is said beside: `trunkRule.bufferSize`. */
  readonly field: string;
  readonly reason: string;
}
