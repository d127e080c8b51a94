// How the tensors of a control variate are named in an update's file. No weight has a slash in its name.

const prefix = 'control-variate/';

export const variateName = (weight: string): string => prefix + weight;

/** The weight that a tensor of an update is the control variate of; null for a change of a weight. */
export function variateOf(name: string): string | null {
  return name.startsWith(prefix) ? name.slice(prefix.length) : null;
}
