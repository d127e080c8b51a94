// The window's end of the bridge: asks the station and hears its news.
import type { CallInput, CallName, CallOutput, EventName, EventValue } from '../../contract/calls.ts';

export interface StationLink {
  /**
   * @param signal abandons the order: it is still answered, with a fault where it was not done
   * @throws Fault as the station tells it, or when its answer does not fit the contract
   */
  ask<N extends CallName>(name: N, input: CallInput<N>, signal?: AbortSignal): Promise<CallOutput<N>>;
  /** Hears an event until the returned function is called. */
  watch<N extends EventName>(name: N, listener: (value: EventValue<N>) => void): () => void;
}
