import { expect, it } from 'vitest';
import { updateFormSchema } from '../../../src/contract/federation.ts';
import { updateWords } from '../../../src/contract/update-words.ts';

it('says how updates travel', () => {
  expect(updateWords(updateFormSchema.parse({}))).toBe('16-bit floats');
  const few = updateFormSchema.parse({ updateCodec: 'top-k', keptShare: 0.025, updateCompression: 'zstd' });
  expect(updateWords(few)).toBe('the 2.5 % of the weights that changed most, 8 bits each, packed with zstd');
});
