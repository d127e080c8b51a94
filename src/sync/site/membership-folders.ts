// The folders of a site's memberships: one each, named by the federation. A new one is made beside an earlier one of the same
// federation, and only its success ends the other.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../contract/fault.ts';
import { siteFault } from './faults.ts';
import { readMembershipState, type MembershipState } from './membership-file.ts';

const damagedMark = '.damaged-';

export interface StoredMembership {
  readonly folder: string;
  readonly state: MembershipState;
}

/**
 * What earlier processes left: one membership per federation. A folder that cannot be read is renamed and told to `onDamaged`; one
 * of a join that did not succeed is removed.
 */
export function readMembershipFolders(
  folder: string,
  onDamaged: (fault: Fault, setAsideAs: string) => void,
): readonly StoredMembership[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = new Map<string, StoredMembership>();
  for (const name of readdirSync(folder).sort()) {
    if (name.includes(damagedMark)) continue;
    const one = path.join(folder, name);
    let state: MembershipState | null;
    try {
      state = readMembershipState(one);
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.code !== siteFault.damagedState('').code) throw thrown;
      const aside = `${name}${damagedMark}${randomBytes(4).toString('hex')}`;
      renameSync(one, path.join(folder, aside));
      onDamaged(thrown, aside);
      continue;
    }
    const other = state === null ? undefined : found.get(state.federation);
    // Two of one federation: a join succeeded, and the process ended before it removed the earlier one.
    const isKept = state !== null && (other === undefined || other.state.standing !== 'member');
    if (isKept && state !== null) found.set(state.federation, { folder: one, state });
    const dropped = isKept ? other?.folder : one;
    if (dropped !== undefined) rmSync(dropped, { recursive: true, force: true });
  }
  return [...found.values()];
}

/** A new folder for a membership of this federation, beside any earlier one. */
export function makeMembershipFolder(folder: string, federation: string): string {
  const name = createHash('sha256').update(federation).digest('hex').slice(0, 16);
  const made = path.join(folder, `${name}-${randomBytes(4).toString('hex')}`);
  mkdirSync(made, { recursive: true, mode: 0o700 });
  return made;
}
