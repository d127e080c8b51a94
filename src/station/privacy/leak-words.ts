// What a leak probe's figures mean, for a person who knows neither gradients nor similarity measures.
import type { LeakProbe, PrivacySettings } from '../../contract/training.ts';

const digits = 2;
/** With fewer tries an attack that found nothing says nothing. */
export const leastTries = 20;

interface Circumstances {
  readonly privacy: PrivacySettings | null;
  /** Of a project with secure aggregation: sites of a sum at least. */
  readonly maskedSites: number | null;
}

export function leakSentence({ pairs, isRecognised }: LeakProbe, circumstances: Circumstances): string {
  const [likest] = pairs;
  if (likest === undefined) return 'There was nothing to attack.';
  const of = pairs.length === 1 ? 'one image' : `${pairs.length} images`;
  const figures = `likeness ${likest.similarity.toFixed(digits)} of 1, place ${likest.rank} among ${likest.others + 1} images`;
  const masks = maskWords(circumstances.maskedSites);
  if (isRecognised) {
    return `An image could be recognised from the gradient of ${of} (${figures}). Send no update made of so few images: use larger batches and more steps between two updates, or a privacy promise.${masks}`;
  }
  const caution =
    circumstances.privacy === null
      ? 'Another attack may succeed: only a privacy promise rules that out.'
      : 'Its privacy promise holds against every attack, this one is only an example.';
  return `No image could be recognised from the gradient of ${of} (best guess: ${figures}). ${caution}${masks}`;
}

function maskWords(sites: number | null): string {
  if (sites === null) return '';
  return ` Secure aggregation hides this update in a sum of at least ${sites} sites; the attack was made on the update by itself, which all the other sites together could work out.`;
}
