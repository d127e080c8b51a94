// The trunk: updates in, checked, buffered and counted once; a new version out whenever the project's rule says so.
// Everything that changes it runs in one line (`inTurn`), so in one process a commit never races an acceptance; where several hubs share
// the database, one at a time makes commits (`beginAggregation`), and each tells its sites of those of the others.
import { openTurns } from '../../contract/in-turn.ts';
import { projectSchema, type Project, type SitesAwaited } from '../../contract/federation.ts';
import { fewestSites, nextCommit, sitesAwaited } from '../aggregation/next-commit.ts';
import { isRobust, unusableTrunkRule } from '../aggregation/unusable-trunk-rule.ts';
import { decodeWeights, encodeWeights } from '../aggregation/weights.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import { wireLimits } from '../protocol/limits.ts';
import { parseStatement, type Signed, signStatement, type TrunkStatement } from '../protocol/statement.ts';
import { sweepBlobs } from './blob-sweep.ts';
import { hubFault } from './faults.ts';
import type { HubStep } from './hub-step.ts';
import { lostUpdates } from './lost-updates.ts';
import { openNextLook } from './next-look.ts';
import { type ComputedCommit, type DueCommit, openTrunkCommits, type TrunkCommits } from './trunk-commits.ts';
import { openTrunkFiles } from './trunk-files.ts';
import { type BufferedUpdate, type CurrentProject, projectHashOf } from './current-project.ts';
import type { TrunkStore } from './trunk-store.ts';
import { openTrunkThreads } from './trunk-threads.ts';
import { unusableProject } from './unusable-project.ts';
import { openUpdateAcceptance, type UpdateAcceptance } from './update-acceptance.ts';

/** How soon to look whether another hub, whose turn it is or that accepted an update, made the commit. */
const lookAgainMs = 500;

export interface Trunk {
  current(): Promise<CurrentProject | null>;
  /** @throws Fault 524 when project or weights cannot be used. A project that is known goes on where it stood. */
  setProject(project: Project, initialWeights: Uint8Array): Promise<void>;
  readonly accept: UpdateAcceptance['accept'];
  /** Tells of what other hubs committed, and commits what is due with what they accepted. */
  catchUp(): Promise<void>;
  readonly receiptFor: UpdateAcceptance['receiptFor'];
  readonly commitMasked: TrunkCommits['commitMasked'];
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
  /** What the first commit waits for; null when it does not. */
  awaitedSites(): Promise<SitesAwaited | null>;
  close(): Promise<void>;
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
  /** An accepted update cannot be counted (lost-updates.ts). */
  readonly onUpdateLost: (site: string, because: string) => void;
  /** Accepted updates of a site, or of any, are never counted: the rows say which, and why. */
  readonly onDiscarded: (site: string | null) => void;
  readonly onStep: (step: HubStep) => void;
}): Trunk {
  const { store, blobs, keys, clock } = order;
  const inTurn = openTurns();
  /** The newest version that `onCommit` has told of. */
  let told: { readonly projectHash: string; readonly version: number } | null = null;

  const nextLook = openNextLook(clock, () => void inTurn(commitDue).catch(commitFailed));
  const now = (): string => new Date(clock()).toISOString();
  const threads = openTrunkThreads();
  const files = openTrunkFiles(store, blobs);
  const parts = { store, blobs, keys, files, threads, now, onStep: order.onStep };
  const acceptance = openUpdateAcceptance(parts);
  const commits = openTrunkCommits({
    ...parts,
    isShared: order.isShared,
    onCommitted(statement, signed, isLast) {
      told = { projectHash: statement.projectHash, version: statement.version };
      order.onCommit(statement, signed, isLast);
      if (isLast) order.onDiscarded(null);
    },
  });
  const { forgetCounted } = commits;

  /** What is to be committed now; when it will be something, it is looked again then. */
  const due = async (): Promise<DueCommit | null> => {
    const current = await store.current();
    if (current === null || current.isFinished || nextLook.isClosed) return null;
    // A rule that stands lying sites has its own number of them: what waits under it when the project is retired is left out.
    const { project, projectHash, trunk } = current;
    const fewest = fewestSites(project, trunk.version);
    if (current.retiredBecause !== null) {
      const waiting = isRobust(project.trunkRule) ? [] : await store.buffered(projectHash);
      // Nor does its end make a model of fewer sites than it may begin with.
      return { current, updates: new Set(waiting.map(({ site }) => site)).size < fewest ? [] : waiting };
    }
    const next = nextCommit(await store.buffered(projectHash), project.trunkRule, clock(), fewest);
    if (next.updates !== null) return { current, updates: next.updates };
    nextLook.at(next.dueAt);
    return null;
  };
  const commitDue = async (): Promise<void> => {
    for (;;) {
      const first = await due();
      if (first === null) return;
      const aggregation = await store.beginAggregation(first.current.projectHash);
      if (aggregation === null) return nextLook.within(lookAgainMs);
      try {
        // Another hub may have committed them before this one's turn.
        const still = await due();
        if (still !== null) await (still.updates.length > 0 ? commit(still, aggregation.epoch) : finish(still.current));
        nextLook.succeeded();
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
    order.onDiscarded(null);
  };
  const commitFailed = (thrown: unknown): void => {
    order.onCommitFailed(thrown);
    nextLook.afterFailure();
  };
  const commit = async (wanted: DueCommit, epoch: number): Promise<void> => {
    let computed: ComputedCommit;
    try {
      computed = await commits.compute(wanted);
    } catch (thrown) {
      const left = await withoutLost(wanted);
      if (left === null) throw thrown;
      return left.updates.length > 0 ? commit(left, epoch) : undefined;
    }
    await commits.commit(computed, epoch);
  };
  /**
   * Updates that cannot be counted any more are discarded. @returns what can be committed without them, of no update where the project's
   * rule needs more sites than are left; null when none was discarded.
   */
  const withoutLost = async ({ current, updates }: DueCommit): Promise<DueCommit | null> => {
    const lost = new Set<BufferedUpdate>();
    for (const { update, because } of await lostUpdates(
      { current, updates },
      { blobs, checkFile: acceptance.checkFile },
    )) {
      const site = await store.discardUpdate(current, update, because);
      if (site === null) continue;
      lost.add(update);
      order.onUpdateLost(site, because);
      order.onDiscarded(update.site);
    }
    if (lost.size === 0) return null;
    const left = updates.filter((update) => !lost.has(update));
    const bufferSize = new Set(left.map(({ site }) => site)).size;
    const isEnough = bufferSize >= fewestSites(current.project, current.trunk.version);
    const isUsable =
      isEnough && unusableTrunkRule({ ...current.project.trunkRule, bufferSize, deadlineMs: null }).length === 0;
    return { current, updates: isUsable ? left : [] };
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
        const [problem] = unusableProject(project);
        if (problem !== undefined) throw hubFault.unusableProject(problem.message);
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
      const accepted = await inTurn(() => acceptance.accept(site, signed));
      // The commit that it makes possible comes before the answer, so that the site goes on from the new version. What is accepted
      // stays accepted if the commit fails: it is tried again.
      await inTurn(commitDue).catch(commitFailed);
      return accepted;
    },
    async catchUp() {
      await inTurn(tellOfOthers);
      // The hub that accepted an update commits it before it answers; should it die, this one does.
      nextLook.within(lookAgainMs);
    },
    receiptFor: acceptance.receiptFor,
    commitMasked: (masked) => inTurn(() => commits.commitMasked(masked)),
    async parameters() {
      const current = await store.current();
      return current === null ? 0 : files.parametersOf(current);
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
        // A hub that cannot commit yet serves all the same.
        await commitDue().catch(commitFailed);
      }),
    // In line: what is being accepted or committed is not named by a row yet.
    sweep: () => inTurn(async () => (nextLook.isClosed ? 0 : sweepBlobs(blobs, store, clock()))),
    async blobLimitBytes() {
      const current = await store.current();
      // Nothing can be sent then; but the welcome names a limit, and sites take none of 0.
      if (current === null) return wireLimits.blobBytes;
      // An update or a sealed model is the trunk's tensors again, in as many bytes or fewer, and a little beside them.
      const models = current.project.controlVariates ? 2 : 1;
      return Math.min(wireLimits.blobBytes, models * current.trunk.bytes + 65_536);
    },
    async buffered() {
      const current = await store.current();
      return current === null ? 0 : (await store.buffered(current.projectHash)).length;
    },
    async awaitedSites() {
      const current = await store.current();
      if (current === null || current.isFinished || current.retiredBecause !== null) return null;
      const { project, projectHash, trunk } = current;
      return sitesAwaited({ project, trunkVersion: trunk.version }, await store.buffered(projectHash));
    },
    async close() {
      nextLook.close();
      await inTurn(async () => {});
      await threads.close();
    },
  };
}

/** @throws Fault 405 when a blob is larger than anything that the project can need. */
export function checkBlobSize(bytes: number, limitBytes: number): void {
  if (bytes > limitBytes) throw wireFault.blobTooLarge(bytes, limitBytes);
}
