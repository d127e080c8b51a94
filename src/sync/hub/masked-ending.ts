// How a masked buffer ends: the masks are asked for, taken off the sum and the sum is committed, or the buffer is given up and its updates
// are offered anew. Secure aggregation at the hub: masked-buffers.ts.
import { Fault } from '../../contract/fault.ts';
import { parseStatement, signStatement } from '../protocol/statement.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { type MaskedOrder, type MaskedStanding, type Standing, threshold } from './masked-standing.ts';
import { unmaskedSum } from './unmasked-sum.ts';

export interface MaskedEnding {
  giveUpForOutsiders(open: Standing): Promise<boolean>;
  askForMasks(open: Standing): Promise<void>;
  complete(): Promise<void>;
  giveUp(open: Standing, fault: Fault): Promise<void>;
}

export const hasEnoughShares = ({ buffer, current }: Standing): boolean =>
  Object.keys(buffer.revealed).length >= threshold(current);

/** @param openNext what waits may make the next buffer. */
export function openMaskedEnding(
  order: MaskedOrder,
  standing: MaskedStanding,
  openNext: () => Promise<void>,
): MaskedEnding {
  const { store, trunk, blobs, keys, say, tell } = order;

  /**
   * Gives the buffer up if one of its sites takes no part any more. @returns whether it did. Once the masks are asked for, none is: a second
   * sum without that site would show, less the first, what the site sent.
   */
  const giveUpForOutsiders = async (open: Standing): Promise<boolean> => {
    const { buffer, current } = open;
    if (buffer.step === 'unmasking') return false;
    for (const { site, name } of buffer.members) {
      if (await order.takesPart(current.projectHash, site)) continue;
      await giveUp(open, maskingFault.memberEnded(name));
      return true;
    }
    return false;
  };

  /** From here on it is settled whose updates count: a site is asked for one of the two secrets of each, and answers once. */
  const askForMasks = async (open: Standing): Promise<void> => {
    if (await giveUpForOutsiders(open)) return;
    const counted = (await store.updates(open.current.projectHash)).map(({ site }) => site);
    const unmasking = signStatement('unmasking', { buffer: open.name, counted }, keys);
    open.buffer.unmasking = unmasking;
    await standing.goOn(open, 'unmasking');
    order.onStep('unmasking-asked');
    standing.sayAll(open, { kind: 'unmasking-asked', unmasking });
  };

  /** Takes the masks off the sum and commits it. */
  const complete = async (): Promise<void> => {
    const open = await standing.open();
    if (open === null || open.buffer.step !== 'unmasking' || !hasEnoughShares(open)) return;
    try {
      await commit(open);
    } catch (thrown) {
      // What cannot be completed is given up; a full disk, for example, is tried again when the step's time is over.
      if (!(thrown instanceof Fault)) throw thrown;
      await giveUp(open, thrown);
    }
  };
  const commit = async (open: Standing): Promise<void> => {
    const { buffer, current, name } = open;
    const arrived = await store.updates(current.projectHash);
    const parameters = await trunk.parameters();
    const sum = await unmaskedSum({ buffer, name, arrived, parameters, read: blobs.read });
    order.onStep('masks-taken-off');
    const receipts = await trunk.commitMasked({
      projectHash: current.projectHash,
      trunkVersion: current.trunk.version,
      sum,
      members: buffer.members.map(({ site, offer: { statement } }) => ({
        site,
        offer: parseStatement('masked-offer', statement),
      })),
      arrived,
      buffer: { name, seen: buffer.revision, fault: null },
    });
    // Another hub commits it, and tells when it has; should it die, the step's end finds the buffer as it is.
    if (receipts === null) return;
    standing.rest();
    for (const { site, name: siteName } of buffer.members) {
      const receipt = receipts.get(site);
      if (receipt !== undefined) {
        tell({ kind: 'update-accepted', site: siteName, isDuplicate: false });
        order.memberChanged(site);
        say(site, { kind: 'masked-update-counted', receipt });
      } else say(site, { kind: 'masked-buffer-ended', buffer: name, fault: maskingFault.leftOut().toValue() });
    }
    await openNext();
  };
  /** Ends the buffer without a commit. Nobody's update was laid open; all offer theirs again. */
  const giveUp = async (open: Standing, fault: Fault): Promise<void> => {
    standing.rest();
    const { projectHash } = open.current;
    const arrived = await store.updates(projectHash);
    await store.end(projectHash, { name: open.name, seen: open.buffer.revision, fault: fault.toValue() });
    for (const { blob } of arrived) await trunk.dropBlob(blob);
    tell({ kind: 'masked-buffer-given-up', fault: fault.toValue() });
    standing.sayAll(open, { kind: 'masked-buffer-ended', buffer: open.name, fault: fault.toValue() });
    await openNext();
  };

  return { giveUpForOutsiders, askForMasks, complete, giveUp };
}
