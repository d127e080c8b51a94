// What a leak probe's figures mean, for a person who knows neither gradients nor similarity measures.
import type { LeakProbe } from '../../contract/leak-probe.ts';
import type { PrivacySettings } from '../../contract/training.ts';

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
  // The measure goes a little below 0 for pictures that have nothing of each other.
  const likeness = Math.max(0, likest.similarity).toFixed(digits);
  const masks = maskWords(circumstances.maskedSites);
  if (isRecognised) {
    return `An image could be recognised from the gradient of ${of}: what was rebuilt is like it to ${likeness}, where 1 is the same picture, and less like all ${likest.others} other images. Send no update made of so few images: use larger batches and more steps between two updates, or a privacy promise.${masks}`;
  }
  const caution =
    circumstances.privacy === null
      ? 'Another attack may succeed: only a privacy promise rules that out.'
      : 'Its privacy promise holds against every attack, this one is only an example.';
  return `No image could be recognised from the gradient of ${of}: the best that was rebuilt is like its image to ${likeness} only, where 1 is the same picture and 0 one that has nothing of it${rankWords(likest)}. ${caution}${masks}`;
}

/** A first place alone is no hit: somebody has to be first. */
function rankWords({ rank, others }: LeakProbe['pairs'][number]): string {
  if (others === 0) return '';
  return rank === 1
    ? `; that no other of ${others} images is nearer to it tells nothing at so little likeness`
    : `; ${rank - 1} of ${others} other images are nearer to it`;
}

function maskWords(sites: number | null): string {
  if (sites === null) return '';
  return ` Secure aggregation hides this update in a sum of at least ${sites} sites; the attack was made on the update by itself, which all the other sites together could work out.`;
}
