// What measurements of before their unit and the kind of their spacing were kept with them lack: what the header of their image
// tells is added where they are read, and said where it cannot be read any more.
import { type Measurement, unknownUnit } from '../../contract/annotation.ts';
import type { ObjectThreads } from './object-threads.ts';

/** Files that a thread reads for one answer: others that wait for it get their turn between. */
const filesAtOnce = 200;

const isInMillimetres = ({ values }: Measurement): boolean => 'lengthMm' in values || 'areaMm2' in values;
const isOfPixels = ({ values }: Measurement): boolean => 'mean' in values || 'value' in values;
const lacksUnit = (one: Measurement): boolean => isOfPixels(one) && (one.unit === '' || one.unit === unknownUnit);
const lacksKind = (one: Measurement): boolean => isInMillimetres(one) && one.spacingKind === '';

/** @param pathOf throws for an instance that is not here */
export function keptUnits({ threads, pathOf }: { threads: ObjectThreads; pathOf(sopInstanceUID: string): string }) {
  const pathOrNone = (sopInstanceUID: string): string => {
    try {
      return pathOf(sopInstanceUID);
    } catch {
      return '';
    }
  };
  return async (measurements: readonly Measurement[]): Promise<Measurement[]> => {
    const lacking = measurements.filter((one) => lacksUnit(one) || lacksKind(one));
    const whole = new Map<Measurement, Measurement>();
    for (let start = 0; start < lacking.length; start += filesAtOnce) {
      const part = lacking.slice(start, start + filesAtOnce);
      const files = part.map(({ sopInstanceUID, frame }) => ({ path: pathOrNone(sopInstanceUID), frame }));
      const answered = await threads.ask('units', { files });
      for (const [at, one] of part.entries()) {
        const told = answered[at] ?? null;
        whole.set(one, {
          ...one,
          ...(lacksUnit(one) ? { unit: told?.unit ?? unknownUnit } : {}),
          ...(lacksKind(one) ? { spacingKind: told?.spacingKind ?? 'unknown' } : {}),
        });
      }
    }
    return measurements.map((one) => whole.get(one) ?? one);
  };
}
