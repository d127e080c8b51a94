// --mode: how a new project's shared model moves.
import { InvalidArgumentError } from 'commander';
import { type Mode, modeSchema } from '../contract/federation.ts';

/** `trunk`, `gossip`, `gossip:NEIGHBOURS`, `cyclic` or `rotating`. */
export function modeOption(text: string): Mode {
  const [kind, neighbours] = text.split(':');
  const mode = modeSchema.safeParse({ kind, ...(neighbours !== undefined && { neighbours: Number(neighbours) }) });
  const isOdd = neighbours !== undefined && kind !== 'gossip';
  if (!mode.success || isOdd) throw new InvalidArgumentError('must be trunk, gossip[:NEIGHBOURS], cyclic or rotating.');
  return mode.data;
}
