// The trunk: updates in, checked, buffered and counted once; a new version out whenever the project's rule says so.
// Everything that changes it runs in one line (`inTurn`), so in one process a commit never races an acceptance; where several hubs share
// the database, one at a time makes commits (`beginAggregation`), and each tells its sites of those of the others.
import { Fault } from '../../contract/fault.ts';
import { projectSchema, type Project, updateFormSchema } from '../../contract/federation.ts';
import { statisticNames } from '../../contract/network.ts';
import { aggregationFault } from '../aggregation/faults.ts';
import { nextCommit } from '../aggregation/next-commit.ts';
import { comparedUpdateLimits, isRobust, unusableTrunkRule } from '../aggregation/unusable-trunk-rule.ts';
import { unusableUpdate } from '../aggregation/unusable-update.ts';
import { updateLayout } from '../aggregation/update-layout.ts';
import { openWeights } from '../aggregation/update-values.ts';
import { decodeWeights, encodeWeights, parameterCount } from '../aggregation/weights.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import { wireLimits } from '../protocol/limits.ts';
import {
  parseStatement,
  readStatement,
  signStatement,
  type Signed,
  type TrunkStatement,
} from '../protocol/statement.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import type { RosterMember } from '../secure-aggregation/roster.ts';
import { unusableSecureAggregation } from '../secure-aggregation/unusable-secure-aggregation.ts';
import { sweepBlobs } from './blob-sweep.ts';
import { hubFault } from './faults.ts';
import { openFileRanges } from './file-ranges.ts';
import type { ArrivedUpdate, EndedBuffer } from './masked-store.ts';
import type { AdmittedSite } from './members.ts';
import { nextVariates } from './next-variates.ts';
import {
  type BufferedUpdate,
  type CurrentProject,
  type NewCommit,
  type NewUpdate,
  type NewVariates,
  projectHashOf,
  type TrunkStore,
} from './trunk-store.ts';
import { openTrunkThreads } from './trunk-threads.ts';
import type { CommitStep, CommitTask, MadeCommit } from './trunk-work.ts';

/** The longest time that a timer of the runtime can wait: almost 25 days. */
export const longestTimerMs = 2 ** 31 - 1;

/** How soon to look whether another hub, whose turn it is or that accepted an update, made the commit; and after one failed. */
const lookAgainMs = 500;
const afterFailureMs = 3_000;

/** Where a test may stop the process, and a trace may look. */
export type HubStep =
  | 'update-accepted'
  | CommitStep
  | 'trunk-committed'
  // Of a masked buffer (masked-buffers.ts).
  | 'masked-buffer-opened'
  | 'mask-shares-stored'
  | 'masked-update-stored'
  | 'unmasking-asked'
  | 'mask-shares-revealed'
  | 'masks-taken-off';

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

export interface Trunk {
  current(): Promise<CurrentProject | null>;
  /** @throws Fault 524 when project or weights cannot be used. A project that is known goes on where it stood. */
  setProject(project: Project, initialWeights: Uint8Array): Promise<void>;
  /** Resolves once the update is on the disk. @throws the Fault that refuses it. */
  accept(site: AdmittedSite, signed: Signed): Promise<{ readonly receipt: Signed; readonly isDuplicate: boolean }>;
  /** Tells of what other hubs committed, and commits what is due with what they accepted. */
  catchUp(): Promise<void>;
  /** Why an update to this version of this project is refused, before its bytes are looked at; null when it is not. */
  offerFault(
    current: CurrentProject,
    update: { readonly projectHash: string; readonly baseVersion: number },
  ): Fault | null;
  /** The receipt of a site's update that is known already. @throws Fault 515 when the key is another site's. */
  receiptFor(site: AdmittedSite, idempotencyKey: string): Promise<Signed | null>;
  /**
   * One transaction: the version that the sum makes, its updates accepted and counted, the masked buffer gone.
   * @returns receipts by site; null while another hub makes a commit. @throws Fault 596 when the trunk is another by now.
   */
  commitMasked(sum: MaskedSum): Promise<ReadonlyMap<string, Signed> | null>;
  /** How many numbers an update of the current project is. */
  parameters(): Promise<number>;
  /** Throws a blob away unless something needs it. */
  dropBlob(hash: string): Promise<void>;
  /** The sites have made all turns of the current project, whose mode has no trunk here. */
  finishTurns(): Promise<void>;
  /** Commits what an earlier process accepted but did not get to commit. */
  resume(): Promise<void>;
  /** Throws away bytes that nothing needs any more (blob-sweep.ts). @returns how many blobs. */
  sweep(): Promise<number>;
  /** Largest blob that a member may send for the current project. */
  blobLimitBytes(): Promise<number>;
  buffered(): Promise<number>;
  close(): Promise<void>;
}

interface DueCommit {
  readonly current: CurrentProject;
  readonly updates: readonly BufferedUpdate[];
}

export function openTrunk(order: {
  readonly store: TrunkStore;
  /** Whether other hubs may work on the same trunk. */
  readonly isShared: boolean;
  readonly blobs: BlobFolder;
  readonly keys: DeviceKeys;
  readonly clock: () => number;
  readonly onCommit: (trunk: TrunkStatement, signed: Signed, isFinished: boolean) => void;
  /** The project ended before its last commit. */
  readonly onRetired: () => void;
  readonly onCommitFailed: (thrown: unknown) => void;
  readonly onStep: (step: HubStep) => void;
}): Trunk {
  const { store, blobs, keys, clock } = order;
  let line: Promise<unknown> = Promise.resolve();
  const threads = openTrunkThreads();
  const results = { folder: blobs.folder, isShared: order.isShared };
  let base: { readonly projectHash: string; readonly blob: string; readonly parameters: number } | null = null;
  /** When it is looked next whether a commit is due, on the process's own clock. */
  let deadline: { readonly at: number; readonly timer: NodeJS.Timeout } | null = null;
  /** The newest version that `onCommit` has told of. */
  let told: { readonly projectHash: string; readonly version: number } | null = null;
  let isClosed = false;

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = line.then(work);
    // The caller hears of the failure through `done`; the line only has to go on.
    line = done.catch(() => {});
    return done;
  };
  const now = (): string => new Date(clock()).toISOString();
  /** @throws Fault 406 when it is not there. */
  const fileOf = (blob: string): string => {
    const file = blobs.file(blob);
    if (file === null) throw wireFault.unknownBlob(blob);
    return file;
  };
  /** How many numbers an update is. */
  const parametersOf = ({ project, projectHash, trunk: { blob } }: CurrentProject): number => {
    if (base?.blob !== blob || base.projectHash !== projectHash) {
      const files = openFileRanges();
      try {
        const { layout } = openWeights(files.of(fileOf(blob)));
        base = { projectHash, blob, parameters: parameterCount(updateLayout(layout, project)) };
      } finally {
        files.close();
      }
    }
    return base.parameters;
  };

  const offerFault: Trunk['offerFault'] = (current, update) => {
    const { project, projectHash, isFinished, retiredBecause, trunk } = current;
    if (update.projectHash !== projectHash) return hubFault.otherProject();
    if (isFinished || retiredBecause !== null) return hubFault.finished();
    if (update.baseVersion > trunk.version) return hubFault.unknownVersion(update.baseVersion);
    const stalenessCommits = trunk.version - update.baseVersion;
    const limit = project.trunkRule.maxStalenessCommits;
    return stalenessCommits > limit ? aggregationFault.tooStale(stalenessCommits, limit) : null;
  };
  const receiptFor: Trunk['receiptFor'] = async (site, idempotencyKey) => {
    const earlier = await store.receiptOf(idempotencyKey);
    if (earlier !== null && earlier.site !== site.fingerprint) throw hubFault.keyTaken();
    return earlier?.receipt ?? null;
  };

  const accept = async (site: AdmittedSite, signed: Signed): Promise<{ receipt: Signed; isDuplicate: boolean }> => {
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
    if (blobs.size(update.blob) !== update.bytes) throw hubFault.missingBlob();
    try {
      const { project, trunk } = current;
      const task = { update: fileOf(update.blob), form: updateFormSchema.parse(project), layout: fileOf(trunk.blob) };
      await threads.check({ kind: 'check', ...task, carries: project }, parametersOf(current));
    } catch (thrown) {
      // Only a reason of refusal makes the bytes useless; a disk that cannot be read does not.
      throw thrown instanceof Fault ? await refuse(thrown) : thrown;
    }
    const acceptedAt = now();
    const { idempotencyKey, blob, project } = update;
    const receipt = signStatement(
      'receipt',
      { idempotencyKey, blob, site: site.fingerprint, project, stalenessCommits, acceptedAt },
      keys,
    );
    const stored = await store.acceptUpdate({ update, signed, site: site.fingerprint, receipt, acceptedAt });
    if (stored.site !== site.fingerprint) throw hubFault.keyTaken();
    order.onStep('update-accepted');
    return stored;
  };

  /** What is to be committed now; when it will be something, the deadline is armed. */
  const due = async (): Promise<DueCommit | null> => {
    const current = await store.current();
    if (current === null || current.isFinished || isClosed) return null;
    // A rule that stands lying sites has its own number of them: what waits under it when the project is retired is left out.
    if (current.retiredBecause !== null) {
      return { current, updates: isRobust(current.project.trunkRule) ? [] : await store.buffered(current.projectHash) };
    }
    const next = nextCommit(await store.buffered(current.projectHash), current.project.trunkRule, clock());
    if (next.updates !== null) return { current, updates: next.updates };
    armDeadline(next.dueAt);
    return null;
  };
  const commitDue = async (): Promise<void> => {
    for (;;) {
      const first = await due();
      if (first === null) return;
      const aggregation = await store.beginAggregation(first.current.projectHash);
      if (aggregation === null) return lookAgain(lookAgainMs);
      try {
        // Another hub may have committed them before this one's turn.
        const still = await due();
        if (still !== null) await (still.updates.length > 0 ? commit(still, aggregation.epoch) : finish(still.current));
      } finally {
        await aggregation.end();
      }
    }
  };
  /** A retired project of which nothing waits that can be taken in. */
  const finish = async (current: CurrentProject): Promise<void> => {
    const variates = await store.siteVariates(current.projectHash);
    await store.finish(current.projectHash, now());
    await forgetCounted(variates.map(({ blob }) => blob));
    order.onRetired();
  };
  const armDeadline = (dueAt: number | null): void => {
    clearTimeout(deadline?.timer);
    deadline = null;
    // A longer time would count as none; what is not due when it is over is armed again.
    if (dueAt !== null && dueAt > clock()) lookAgain(Math.min(dueAt - clock(), longestTimerMs));
  };
  const lookAgain = (waitMs: number): void => {
    const at = performance.now() + waitMs;
    if (isClosed || (deadline !== null && deadline.at <= at)) return;
    clearTimeout(deadline?.timer);
    const look = (): void => {
      deadline = null;
      void inTurn(commitDue).catch(commitFailed);
    };
    deadline = { at, timer: setTimeout(look, waitMs) };
  };
  const commitFailed = (thrown: unknown): void => {
    order.onCommitFailed(thrown);
    // A database that went away comes back; a full disk waits for the next update.
    if (order.isShared) lookAgain(afterFailureMs);
  };

  const commit = async ({ current, updates }: DueCommit, epoch: number): Promise<void> => {
    const { project, projectHash, trunk } = current;
    const measures = statisticNames(project.network).size > 0;
    const startedFrom = async ({ baseVersion }: BufferedUpdate): Promise<string | null> => {
      if (!measures || baseVersion === trunk.version) return null;
      const blob = await store.trunkBlob(projectHash, baseVersion);
      if (blob === null) throw hubFault.unknownVersion(baseVersion);
      return fileOf(blob);
    };
    const from = {
      form: updateFormSchema.parse(project),
      updates: await Promise.all(
        updates.map(async (update) => ({
          id: update.idempotencyKey,
          site: update.site,
          examples: update.examples,
          stalenessCommits: trunk.version - update.baseVersion,
          file: fileOf(update.blob),
          startedFrom: await startedFrom(update),
        })),
      ),
    };
    const next = await made(current, from, updates.length);
    const variates = await nextVariates({
      store,
      threads,
      blobs: results,
      fileOf,
      current,
      parameters: parametersOf(current),
      updates,
      isLast: isLastCommit(current),
    });
    const counted = updates.map(({ idempotencyKey }) => idempotencyKey);
    await publish(current, next, { updates: counted, masked: null, variates }, epoch);
    await forgetCounted([...updates.map((update) => update.blob), ...(variates?.replaced ?? [])]);
  };
  const isLastCommit = ({ project, trunk, retiredBecause }: CurrentProject): boolean =>
    retiredBecause !== null || trunk.version + 1 >= project.commits;
  /** Nothing of what it writes counts until a transaction names it: a commit that is cut off is made again, to the same bytes. */
  const made = (current: CurrentProject, from: CommitTask['from'], addends: number): Promise<MadeCommit> => {
    const { project, trunk, optimizerBlob } = current;
    return threads.commit(
      {
        kind: 'commit',
        blobs: results,
        base: fileOf(trunk.blob),
        statistics: statisticNames(project.network),
        carries: project,
        rule: project.trunkRule,
        optimizerState: optimizerBlob === null ? null : fileOf(optimizerBlob),
        isLast: isLastCommit(current),
        from,
      },
      parametersOf(current) * addends,
      order.onStep,
    );
  };
  const publish = async (
    current: CurrentProject,
    { blob, bytes, optimizerBlob }: MadeCommit,
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
    await store.commit({ statement, signed, optimizerBlob, isLast, epoch, masked, variates });
    order.onStep('trunk-committed');
    if (current.optimizerBlob !== null) await forgetCounted([current.optimizerBlob]);
    if (trunk.controlVariate !== undefined) await forgetCounted([trunk.controlVariate.blob]);
    told = { projectHash, version: statement.version };
    order.onCommit(statement, signed, isLast);
  };
  const tellOfOthers = async (): Promise<void> => {
    const current = await store.current();
    if (current === null) return;
    const { projectHash, trunk, isFinished } = current;
    // How a project stands that is new here is told with it.
    const from = told?.projectHash === projectHash ? told.version : trunk.version;
    for (const signed of await store.trunksAfter(projectHash, from)) {
      const statement = parseStatement('trunk', signed.statement);
      order.onCommit(statement, signed, isFinished && statement.version >= trunk.version);
    }
    told = { projectHash, version: trunk.version };
  };
  const commitMasked = async (masked: MaskedSum): Promise<ReadonlyMap<string, Signed> | null> => {
    const { projectHash, trunkVersion, members, arrived } = masked;
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
      return {
        update: {
          idempotencyKey,
          project: project.id,
          projectHash,
          baseVersion,
          blob,
          bytes: masked.sum.byteLength,
          examples,
        },
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
      const next = await made(current, { sum: masked.sum, members, counted, trunkVersion }, 1);
      const updates = rows.map(({ update }) => update.idempotencyKey);
      const of = { updates, masked: { updates: rows, buffer: masked.buffer }, variates: null };
      await publish(current, next, of, aggregation.epoch);
    } finally {
      await aggregation.end();
    }
    await forgetCounted(arrived.map(({ blob }) => blob));
    return new Map(rows.map(({ site, receipt }) => [site, receipt]));
  };
  /** Bytes of counted updates are not kept: a site's single update is nobody's business once it is in the sum. Nor are earlier states. */
  const forgetCounted = async (hashes: readonly string[]): Promise<void> => {
    for (const hash of hashes) if (blobs.has(hash)) await store.dropBlob(hash);
  };

  return {
    current: () => store.current(),
    setProject: (given, initialWeights) =>
      inTurn(async () => {
        const parsed = projectSchema.safeParse(given);
        if (!parsed.success) throw hubFault.unusableProject(parsed.error.issues[0]?.message ?? 'it is incomplete');
        const project = parsed.data;
        const known = await store.knownProject(project);
        if (known !== null) return store.selectProject(known);
        const projectHash = projectHashOf(project);
        let weights: Uint8Array;
        try {
          const decoded = decodeWeights(initialWeights);
          // Written anew, so that equal weights are equal bytes whoever encoded them.
          weights = encodeWeights(decoded);
        } catch {
          throw hubFault.unusableProject('its initial weights are not a float32 tensor file');
        }
        const reason =
          unusableTrunkRule(project.trunkRule, project.updateCodec) ??
          unusableUpdate(project) ??
          unusableSecureAggregation(project);
        if (reason !== null) throw hubFault.unusableProject(reason);
        if (weights.byteLength > wireLimits.blobBytes) throw hubFault.unusableProject('its weights are too large');
        const statement: TrunkStatement = {
          project: project.id,
          projectHash,
          version: 0,
          blob: blobs.put(weights),
          bytes: weights.byteLength,
          parent: null,
          updates: [],
          committedAt: now(),
        };
        await store.setProject(
          project,
          { statement, signed: signStatement('trunk', statement, keys) },
          statement.committedAt,
        );
      }),
    async accept(site, signed) {
      const accepted = await inTurn(() => accept(site, signed));
      // The commit that it makes possible comes before the answer, so that the site goes on from the new version. What is accepted
      // stays accepted if the commit fails: `resume` tries it again.
      await inTurn(commitDue).catch(commitFailed);
      return accepted;
    },
    async catchUp() {
      await inTurn(tellOfOthers);
      // The hub that accepted an update commits it before it answers; should it die, this one does.
      lookAgain(lookAgainMs);
    },
    offerFault,
    receiptFor,
    commitMasked: (masked) => inTurn(() => commitMasked(masked)),
    async parameters() {
      const current = await store.current();
      return current === null ? 0 : parametersOf(current);
    },
    finishTurns: () =>
      inTurn(async () => {
        const current = await store.current();
        if (current !== null && !current.isFinished && current.project.mode.kind !== 'trunk') await finish(current);
      }),
    dropBlob: (hash) => inTurn(() => forgetCounted([hash])),
    resume: () =>
      inTurn(async () => {
        const current = await store.current();
        await tellOfOthers();
        if (current !== null) await forgetCounted(await store.committedBlobs(current.projectHash));
        await commitDue();
      }),
    // In line: what is being accepted or committed is not named by a row yet.
    sweep: () => inTurn(async () => (isClosed ? 0 : sweepBlobs(blobs, store, clock()))),
    async blobLimitBytes() {
      const current = await store.current();
      // Nothing can be sent then; but the welcome names a limit, and sites take none of 0.
      if (current === null) return wireLimits.blobBytes;
      // An update or a sealed model is the trunk's tensors again, in as many bytes or fewer, and a little beside them.
      const files = current.project.controlVariates ? 2 : 1;
      return Math.min(wireLimits.blobBytes, files * current.trunk.bytes + 65_536);
    },
    async buffered() {
      const current = await store.current();
      return current === null ? 0 : (await store.buffered(current.projectHash)).length;
    },
    async close() {
      isClosed = true;
      clearTimeout(deadline?.timer);
      await line;
      await threads.close();
    },
  };
}

/** @throws Fault 405 when a blob is larger than anything that the project can need. */
export function checkBlobSize(bytes: number, limitBytes: number): void {
  if (bytes > limitBytes) throw wireFault.blobTooLarge(bytes, limitBytes);
}
