// Values that several of the pacs commands take.
import { InvalidArgumentError } from 'commander';
import { aeTitleSchema } from '../../../contract/pacs.ts';

export function aeTitle(text: string): string {
  const title = aeTitleSchema.safeParse(text);
  if (!title.success) throw new InvalidArgumentError('must be an AE title: 1 to 16 ASCII characters, no backslash.');
  return title.data;
}

export function peerPort(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError('must be a port, 1 to 65535.');
  }
  return value;
}
