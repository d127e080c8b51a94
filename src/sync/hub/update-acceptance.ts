// What it takes for an update to be accepted: looked at before its bytes are opened, in its bytes, and once more in the transaction that
// accepts it, because a membership or a project may end meanwhile.
import { Fault } from '../../contract/fault.ts';
import { updateFormSchema } from '../../contract/federation.ts';
import { statisticNames } from '../../contract/network.ts';
import { aggregationFault } from '../aggregation/faults.ts';
import { sitesAwaited } from '../aggregation/next-commit.ts';
import { comparedUpdateLimits, isRobust } from '../aggregation/unusable-trunk-rule.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { readStatement, type Signed, signStatement } from '../protocol/statement.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { hubFault } from './faults.ts';
import type { HubStep } from './hub-step.ts';
import type { AdmittedSite } from './members.ts';
import { measuresStatistics, type TrunkFiles } from './trunk-files.ts';
import type { CurrentProject } from './current-project.ts';
import type { TrunkStore } from './trunk-store.ts';
import type { TrunkThreads } from './trunk-threads.ts';

export interface UpdateAcceptance {
  /** Resolves once the update is on the disk. @throws the Fault that refuses it. */
  accept(site: AdmittedSite, signed: Signed): Promise<{ readonly receipt: Signed; readonly isDuplicate: boolean }>;
  /** The receipt of a site's update that is known already. @throws Fault 515 when the key is another site's. */
  receiptFor(site: AdmittedSite, idempotencyKey: string): Promise<Signed | null>;
  /** @throws the Fault that refuses what an update's file holds; another error where a disk cannot be read. */
  checkFile(current: CurrentProject, update: { readonly blob: string; readonly baseVersion: number }): Promise<void>;
}

/** Why an update to this version of this project is refused, before its bytes are looked at; null when it is not. */
export function offerFault(
  { project, projectHash, isFinished, retiredBecause, trunk }: CurrentProject,
  update: { readonly projectHash: string; readonly baseVersion: number },
): Fault | null {
  if (update.projectHash !== projectHash) return hubFault.otherProject();
  if (isFinished || retiredBecause !== null) return hubFault.finished();
  if (update.baseVersion > trunk.version) return hubFault.unknownVersion(update.baseVersion);
  const stalenessCommits = trunk.version - update.baseVersion;
  const limit = project.trunkRule.maxStalenessCommits;
  return stalenessCommits > limit ? aggregationFault.tooStale(stalenessCommits, limit) : null;
}

export function openUpdateAcceptance(order: {
  readonly store: TrunkStore;
  readonly blobs: BlobFolder;
  readonly files: TrunkFiles;
  readonly threads: TrunkThreads;
  readonly keys: DeviceKeys;
  readonly now: () => string;
  readonly onStep: (step: HubStep) => void;
}): UpdateAcceptance {
  const { store, blobs, files, keys } = order;

  const receiptFor: UpdateAcceptance['receiptFor'] = async (site, idempotencyKey) => {
    const earlier = await store.receiptOf(idempotencyKey);
    if (earlier !== null && earlier.site !== site.fingerprint) throw hubFault.keyTaken();
    return earlier?.receipt ?? null;
  };
  const checkFile: UpdateAcceptance['checkFile'] = async (current, { blob, baseVersion }) => {
    const { project, trunk } = current;
    const task = {
      kind: 'check',
      update: files.of(blob),
      form: updateFormSchema.parse(project),
      // The tensors are those of every version; their values are looked at for statistics only.
      startedFrom: measuresStatistics(current) ? await files.startedFrom(current, baseVersion) : files.of(trunk.blob),
      carries: project,
      statistics: statisticNames(project.network),
      maxUpdateNorm: project.trunkRule.maxUpdateNorm,
    } as const;
    await order.threads.check(task, files.parametersOf(current));
  };

  return {
    receiptFor,
    checkFile,
    async accept(site, signed) {
      const update = readStatement('update', signed, site.publicKey);
      const earlier = await receiptFor(site, update.idempotencyKey);
      if (earlier !== null) return { receipt: earlier, isDuplicate: true };
      const current = await store.current();
      if (current === null) throw hubFault.noProject();
      const refuse = async (fault: Fault): Promise<Fault> => {
        // The statement may name any blob, also one that belongs to somebody else.
        await store.dropBlob(update.blob);
        return fault;
      };
      const fault = offerFault(current, update);
      if (fault !== null) throw await refuse(fault);
      // The bytes lie open here already; at least they are not kept.
      if (current.project.secureAggregation !== null) throw await refuse(maskingFault.masksOnly());
      if (await store.hasDeclined(current.projectHash, site.fingerprint)) throw await refuse(hubFault.declined());
      const stalenessCommits = current.trunk.version - update.baseVersion;
      // Not refused for good: the bytes stay, and the site offers again.
      if (
        isRobust(current.project.trunkRule) &&
        (await store.waiting(current.projectHash, site.fingerprint)) >= comparedUpdateLimits.waitingPerSite
      ) {
        throw aggregationFault.tooManyWaiting(comparedUpdateLimits.waitingPerSite);
      }
      // Nor does one site fill the disk while a project waits for others to begin.
      const { project: task, projectHash, trunk } = current;
      const awaited = sitesAwaited({ project: task, trunkVersion: trunk.version }, await store.buffered(projectHash));
      if (awaited !== null && (await store.waiting(projectHash, site.fingerprint)) > 0)
        throw aggregationFault.sitesAwaited(awaited);
      if (blobs.size(update.blob) !== update.bytes) throw hubFault.missingBlob();
      const acceptedAt = order.now();
      const { idempotencyKey, blob, project } = update;
      const said = { idempotencyKey, blob, site: site.fingerprint, project, stalenessCommits, acceptedAt };
      const receipt = signStatement('receipt', said, keys);
      try {
        await checkFile(current, update);
        const stored = await store.acceptUpdate({ update, signed, site: site.fingerprint, receipt, acceptedAt });
        if (stored.site !== site.fingerprint) throw hubFault.keyTaken();
        order.onStep('update-accepted');
        return stored;
      } catch (thrown) {
        // Only a reason of refusal makes the bytes useless; a disk that cannot be read does not.
        throw thrown instanceof Fault && thrown.retry === 'never' ? await refuse(thrown) : thrown;
      }
    },
  };
}
