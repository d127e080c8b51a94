// How a project's updates travel, in words for the person who approves it.
import type { UpdateForm } from './federation.ts';

/** To follow “as”: `16-bit floats`, `the 10 % of the weights that changed most, 8 bits each, packed with zstd`. */
export function updateWords({ updateCodec, keptShare, updateCompression }: UpdateForm): string {
  const codec = {
    float32: '32-bit floats',
    float16: '16-bit floats',
    int8: 'whole numbers of 8 bits',
    'top-k': `the ${Number((keptShare * 100).toPrecision(3))} % of the weights that changed most, 8 bits each`,
  }[updateCodec];
  return updateCompression === 'zstd' ? `${codec}, packed with zstd` : codec;
}
