// --mode: how a new project's shared model moves.
import { InvalidArgumentError } from 'commander';
import { type Mode, modeSchema } from '../contract/federation.ts';

/** `trunk`, `gossip`, `gossip:NEIGHBOURS`, `cyclic` or `rotating`. */
export function modeOption(text: string): Mode {
  const [kind, neighbours] = text.split(':');
  const mode = modeSchema.safeParse({ kind, ...(neighbours !== undefined && { neighbours: Number(neighbours) }) });
  const isOdd = neighbours !== undefined && kind !== 'gossip';
  if (kind === 'gossip' && !mode.success)
    throw new InvalidArgumentError('gossip:NEIGHBOURS takes a whole number from 1 to 100, such as gossip:2.');
  if (isOdd) throw new InvalidArgumentError(`${kind} takes nothing after it; only gossip has neighbours (gossip:2).`);
  if (!mode.success) throw new InvalidArgumentError('must be trunk, gossip[:NEIGHBOURS], cyclic or rotating.');
  return mode.data;
}
