import type { Fallback } from '../engines/engine.ts';

/** One line on why a better device is not used; null where none would be better. */
export function deviceNote(provider: string, passedOver: readonly Fallback[]): string | null {
  const name = provider === 'cpu' ? 'the CPU' : provider;
  const tried = passedOver.filter(({ isHere }) => isHere);
  if (tried.length > 0)
    return `Computes on ${name}: ${tried.map((one) => `${one.provider} was passed over, since ${one.reason}`).join('; ')}.`;
  return provider === 'cpu' && passedOver.length > 0 ? 'Computes on the CPU: no GPU that can be used here.' : null;
}
