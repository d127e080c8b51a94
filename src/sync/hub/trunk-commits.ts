// Makes the trunk's commits: from buffered updates, or from the sum of a masked buffer. What is computed counts once a transaction names it.
import { setImmediate as loopTurn } from 'node:timers/promises';
import { updateFormSchema } from '../../contract/federation.ts';
import { statisticNames } from '../../contract/network.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { type Signed, signStatement, type TrunkStatement } from '../protocol/statement.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import type { RosterMember } from '../secure-aggregation/roster.ts';
import type { HubStep } from './hub-step.ts';
import type { ArrivedUpdate, EndedBuffer } from './masked-store.ts';
import { nextVariates } from './next-variates.ts';
import { measuresStatistics, type TrunkFiles } from './trunk-files.ts';
import type { BufferedUpdate, CurrentProject } from './current-project.ts';
import type { NewCommit, NewVariates, TrunkStore } from './trunk-store.ts';
import type { NewUpdate } from './update-rows.ts';
import type { TrunkThreads } from './trunk-threads.ts';
import type { CommitTask, MadeCommit } from './trunk-work.ts';

export interface DueCommit {
  readonly current: CurrentProject;
  readonly updates: readonly BufferedUpdate[];
}

/** The sum of a masked buffer, with the masks off, and whose updates are in it. */
export interface MaskedSum {
  readonly projectHash: string;
  /** The version that staleness was counted from. */
  readonly trunkVersion: number;
  readonly sum: Uint32Array;
  readonly members: readonly RosterMember[];
  readonly arrived: readonly ArrivedUpdate[];
  /** The buffer that ends with the commit. */
  readonly buffer: EndedBuffer;
}

/** A commit whose blobs are on the disk, and which does not count yet. */
export interface ComputedCommit {
  readonly due: DueCommit;
  readonly made: MadeCommit;
  readonly variates: NewVariates | null;
}

export interface TrunkCommits {
  /** Changes no row: what fails here is tried again. */
  compute(due: DueCommit): Promise<ComputedCommit>;
  /** One transaction: the version that the updates make, and they are counted. `epoch` is that of the turn. */
  commit(computed: ComputedCommit, epoch: number): Promise<void>;
  /**
   * One transaction: the version that the sum makes, its updates accepted and counted, the masked buffer gone.
   * @returns receipts by site; null while another hub makes a commit. @throws Fault 596 when the trunk is another by now.
   */
  commitMasked(sum: MaskedSum): Promise<ReadonlyMap<string, Signed> | null>;
  /** Bytes of counted updates are not kept: a site's single update is nobody's business once it is in the sum. Nor are earlier states. */
  forgetCounted(blobs: readonly string[]): Promise<void>;
}

export function openTrunkCommits(order: {
  readonly store: TrunkStore;
  readonly isShared: boolean;
  readonly blobs: BlobFolder;
  readonly files: TrunkFiles;
  readonly threads: TrunkThreads;
  readonly keys: DeviceKeys;
  readonly now: () => string;
  readonly onStep: (step: HubStep) => void;
  readonly onCommitted: (trunk: TrunkStatement, signed: Signed, isLast: boolean) => void;
}): TrunkCommits {
  const { store, blobs, files, threads, keys, now } = order;
  const results = { folder: blobs.folder, isShared: order.isShared };

  const isLastCommit = ({ project, trunk, retiredBecause }: CurrentProject): boolean =>
    retiredBecause !== null || trunk.version + 1 >= project.commits;
  const forgetCounted = async (hashes: readonly string[]): Promise<void> => {
    for (const hash of hashes) {
      // Large files take a while to go: heartbeats come between.
      await loopTurn();
      if (blobs.has(hash)) await store.dropBlob(hash);
    }
  };
  /** Nothing of what it writes counts until a transaction names it: a commit that is cut off is made again, to the same bytes. */
  const make = (current: CurrentProject, from: CommitTask['from'], addends: number): Promise<MadeCommit> => {
    const { project, trunk, optimizerBlob } = current;
    return threads.commit(
      {
        kind: 'commit',
        blobs: results,
        base: files.of(trunk.blob),
        statistics: statisticNames(project.network),
        carries: project,
        rule: project.trunkRule,
        optimizerState: optimizerBlob === null ? null : files.of(optimizerBlob),
        isLast: isLastCommit(current),
        from,
      },
      files.parametersOf(current) * addends,
      order.onStep,
    );
  };
  const publish = async (
    current: CurrentProject,
    { blob, bytes, optimizerBlob, leftOut }: MadeCommit,
    counted: {
      readonly updates: readonly string[];
      readonly masked: NonNullable<NewCommit['masked']> | null;
      readonly variates: NewVariates | null;
    },
    epoch: number,
  ): Promise<void> => {
    const { project, projectHash, trunk } = current;
    const isLast = isLastCommit(current);
    const statement: TrunkStatement = {
      project: project.id,
      projectHash,
      version: trunk.version + 1,
      blob,
      bytes,
      parent: trunk.blob,
      updates: [...counted.updates],
      committedAt: now(),
      ...(counted.variates?.trunk && { controlVariate: counted.variates.trunk }),
    };
    const signed = signStatement('trunk', statement, keys);
    const { masked, variates } = counted;
    await store.commit({ statement, signed, optimizerBlob, isLast, epoch, masked, variates, leftOut });
    order.onStep('trunk-committed');
    if (current.optimizerBlob !== null) await forgetCounted([current.optimizerBlob]);
    if (trunk.controlVariate !== undefined) await forgetCounted([trunk.controlVariate.blob]);
    order.onCommitted(statement, signed, isLast);
  };

  return {
    forgetCounted,
    async compute(due) {
      const { current, updates } = due;
      const { project, trunk } = current;
      const startedFrom = async ({ baseVersion }: BufferedUpdate): Promise<string | null> =>
        measuresStatistics(current) && baseVersion !== trunk.version ? files.startedFrom(current, baseVersion) : null;
      const from = {
        form: updateFormSchema.parse(project),
        updates: await Promise.all(
          updates.map(async (update) => ({
            id: update.idempotencyKey,
            site: update.site,
            examples: update.examples,
            stalenessCommits: trunk.version - update.baseVersion,
            file: files.of(update.blob),
            startedFrom: await startedFrom(update),
          })),
        ),
      };
      const made = await make(current, from, updates.length);
      const variates = await nextVariates({
        store,
        threads,
        blobs: results,
        fileOf: files.of,
        current,
        parameters: files.parametersOf(current),
        updates,
        isLast: isLastCommit(current),
      });
      return { due, made, variates };
    },
    async commit({ due: { current, updates }, made, variates }, epoch) {
      const counted = updates.map(({ idempotencyKey }) => idempotencyKey);
      await publish(current, made, { updates: counted, masked: null, variates }, epoch);
      await forgetCounted([...updates.map((update) => update.blob), ...(variates?.replaced ?? [])]);
    },
    async commitMasked({ projectHash, trunkVersion, members, arrived, sum, buffer }) {
      const current = await store.current();
      if (current?.projectHash !== projectHash || current.trunk.version !== trunkVersion || current.isFinished) {
        throw maskingFault.trunkMoved();
      }
      const { project } = current;
      const acceptedAt = now();
      const rows = arrived.map(({ site, blob, update }): NewUpdate => {
        const { offer } = members.find((member) => member.site === site)!;
        const { idempotencyKey, baseVersion, examples } = offer;
        const stalenessCommits = trunkVersion - baseVersion;
        const receipt = { idempotencyKey, blob, site, project: project.id, stalenessCommits, acceptedAt };
        const bytes = sum.byteLength;
        return {
          update: { idempotencyKey, project: project.id, projectHash, baseVersion, blob, bytes, examples },
          signed: update,
          site,
          receipt: signStatement('receipt', receipt, keys),
          acceptedAt,
        };
      });
      const aggregation = await store.beginAggregation(projectHash);
      if (aggregation === null) return null;
      try {
        // Before this hub's turn another may have committed the same sum.
        if ((await store.current())?.trunk.version !== trunkVersion) throw maskingFault.trunkMoved();
        const counted = new Set(arrived.map(({ site }) => site));
        const next = await make(current, { sum, members, counted, trunkVersion }, 1);
        const updates = rows.map(({ update }) => update.idempotencyKey);
        const of = { updates, masked: { updates: rows, buffer }, variates: null };
        await publish(current, next, of, aggregation.epoch);
      } finally {
        await aggregation.end();
      }
      await forgetCounted(arrived.map(({ blob }) => blob));
      return new Map(rows.map(({ site, receipt }) => [site, receipt]));
    },
  };
}
