// The bench: models of this site and of its peers, each judged on this site's own validation data, and the ensemble chosen from
// them. Models leave sealed for each recipient; received ones are opened, checked and evaluated here, on weights alone.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../contract/fault.ts';
import type { Project, Scoreboard } from '../../contract/federation.ts';
import type { Metrics } from '../../contract/metrics.ts';
import { selectEnsemble, softVote } from '../aggregation/ensemble.ts';
import { checkUpdate } from '../aggregation/update.ts';
import { decodeWeights } from '../aggregation/weights.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { openModel, sealModel, unwrapKey, wrapKey } from '../protocol/sealed-model.ts';
import { parseStatement, readSiteCard, readStatement, signStatement } from '../protocol/statement.ts';
import { benchScore } from './bench-score.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { BenchCandidate } from './membership-file.ts';

/** The name under which the trunk stands on the bench. */
export const trunkOnBench = 'trunk';

export interface Bench {
  /** Puts a model on the bench; the trunk replaces its predecessor. */
  add(candidate: {
    readonly model: string;
    readonly site: string;
    readonly network: string;
    readonly trunkVersion: number | null;
  }): void;
  /** Evaluates one model that has not been yet. @returns whether there was one. */
  evaluateNext(project: Project, cohort: string): Promise<boolean>;
  /** Opens one announced model. @returns whether there was one and the hub could be asked. */
  openNext(project: Project): Promise<boolean>;
  /** Seals this site's own model and sends it to the members that have not got it. */
  share(): Promise<void>;
  /** Every member has this site's own model, as far as this site can do something about it. */
  readonly isShared: boolean;
  /** Another cohort: this site's own model goes, the others are evaluated again. */
  judgeAnew(): void;
  /** Another project: everything goes. */
  clear(): void;
}

export function openBench(desk: MembershipDesk): Bench {
  const { state, blobs, keys } = desk;
  const predictions = path.join(desk.folder, 'predictions');
  const predictionFile = (model: string): string => path.join(predictions, `${model}.f32`);
  const labelsFile = path.join(predictions, 'labels.i32');
  let sharing: Promise<void> | null = null;

  const select = async (project: Project, cohort: string): Promise<void> => {
    const judged = state.candidates.filter(
      ({ model, metrics }) => metrics !== null && existsSync(predictionFile(model)),
    );
    if (judged.length === 0) return;
    const labels = new Int32Array(arrayBufferOf(labelsFile));
    const probabilitiesOf = (model: string): Float32Array => new Float32Array(arrayBufferOf(predictionFile(model)));
    const classes = project.classes.length;
    const { ids } = selectEnsemble({
      candidates: judged.map(({ model }) => ({ id: model, probabilities: probabilitiesOf(model) })),
      labels,
      classes,
      seed: project.seed,
      score: (probabilities) => benchScore(probabilities, labels, classes),
    });
    const ensemble = await desk.work.measure({
      project,
      cohort,
      probabilities: softVote(ids.map(probabilitiesOf)),
      split: 'validation',
    });
    // Another project or cohort meanwhile: this choice is about what nobody asks for any more.
    if (!judged.every((candidate) => state.candidates.includes(candidate))) return;
    const metricsOf = (wanted: (candidate: BenchCandidate) => boolean): Metrics | null =>
      judged.find(wanted)?.metrics ?? null;
    state.selected = ids;
    state.scoreboard = {
      split: 'validation',
      rows: [
        ...row(
          'local-only',
          metricsOf(({ model }) => model === state.own?.model),
        ),
        ...row(
          'trunk',
          metricsOf(({ site }) => site === trunkOnBench),
        ),
        ...row('ensemble', ensemble),
      ],
    };
  };

  const missingRecipients = (served: readonly string[]): string[] =>
    state.memberFingerprints.filter((fingerprint) => fingerprint !== keys.fingerprint && !served.includes(fingerprint));

  const sealOwn = async (project: Project, projectHash: string, fingerprint: string): Promise<void> => {
    const own = state.own;
    const metrics = state.candidates.find(({ model }) => model === own?.model)?.metrics;
    if (own === null || own.shared !== null || !metrics) return;
    const { sealed, contentKey } = sealModel(await blobs.read(own.model), own.model);
    if (state.own !== own) return;
    const sealedBlob = blobs.put(sealed);
    const statement = signStatement(
      'model',
      {
        model: own.model,
        project: project.id,
        projectHash,
        author: keys.fingerprint,
        site: state.site,
        network: project.network.name,
        parents: [],
        datasetFingerprint: fingerprint,
        examples: own.examples,
        metrics: { auc: metrics.auc?.value ?? null, accuracy: metrics.accuracy?.value ?? null, loss: metrics.loss },
        sealedBlob,
        sealedBytes: sealed.byteLength,
      },
      keys,
    );
    own.shared = {
      statement,
      sealedBlob,
      contentKey: Buffer.from(contentKey).toString('base64url'),
      recipients: [],
      entered: [],
    };
    desk.save();
  };

  const shareOwn = async (): Promise<void> => {
    const { project, approval } = state;
    if (project === null || approval === null) return;
    await sealOwn(project.project, project.hash, approval.datasetFingerprint);
    const shared = state.own?.shared ?? null;
    const channel = desk.channel();
    if (shared === null || channel === null) return;
    const recipients = missingRecipients(shared.recipients);
    if (recipients.length === 0) return;
    const contentKey = Buffer.from(shared.contentKey, 'base64url');
    const model = state.own!.model;
    const envelopes = recipients.map((recipient) => ({
      recipient,
      sealedKey: wrapKey(contentKey, readSiteCard(state.cards[recipient]!).boxPublicKey, model),
    }));
    const entered = recipients.filter((recipient) => !shared.entered.includes(recipient));
    if (entered.length > 0) {
      const bytes = shared.entered.length === 0 ? (blobs.size(shared.sealedBlob) ?? 0) : 0;
      // Before a byte leaves: what the ledger cannot take does not leave.
      desk.ledger('model-shared', { model, recipients: entered.length, bytes });
      shared.entered.push(...entered);
      desk.save();
    }
    try {
      await channel.putBlob(shared.sealedBlob);
      if (state.own?.shared !== shared) return;
      await channel.ask({ kind: 'model-published', model: shared.statement, envelopes });
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.retry !== 'never') throw thrown;
      if (state.own?.shared !== shared) return;
      // Nothing that this site could do would change it: the work goes on without.
      desk.ledger('model-not-shared', { model, reason: thrown.message });
      state.reason = thrown.message;
    }
    // One that left meanwhile has to be given it again when it comes back.
    shared.recipients.push(...recipients.filter((recipient) => state.memberFingerprints.includes(recipient)));
    desk.save();
  };

  const received = async (project: Project): Promise<void> => {
    const next = state.announced[0]!;
    const hash = state.project?.hash;
    const isStillAsked = (): boolean => state.project?.hash === hash && state.trunk !== null;
    const author = parseStatement('model', next.model.statement).author;
    const card = state.cards[author];
    if (card === undefined) throw siteFault.badModel('its author is not a member of this federation');
    const statement = readStatement('model', next.model, readSiteCard(card).publicKey);
    if (statement.projectHash !== hash) throw siteFault.badModel('it belongs to another project');
    await desk.channel()!.getBlob(statement.sealedBlob, statement.sealedBytes);
    const contentKey = unwrapKey(next.sealedKey, keys, statement.model);
    const sealed = await blobs.read(statement.sealedBlob);
    if (!isStillAsked()) return desk.forget(statement.sealedBlob);
    const weights = openModel(sealed, contentKey, statement.model);
    if (createHash('sha256').update(weights).digest('hex') !== statement.model) {
      throw siteFault.badModel('its weights are not the ones that its author signed');
    }
    const layout = decodeWeights(await blobs.read(state.trunk!.blob));
    if (!isStillAsked()) return desk.forget(statement.sealedBlob);
    const refusal = checkUpdate(decodeWeights(weights), { layout });
    if (refusal !== null)
      throw siteFault.badModel("it does not fit the project's network, or holds values that are not numbers");
    blobs.put(weights);
    desk.forget(statement.sealedBlob);
    desk.ledger('model-received', { model: statement.model, author, bytes: statement.sealedBytes });
    const { site } = readSiteCard(card);
    bench.add({ model: statement.model, site, network: project.network.name, trunkVersion: null });
  };

  const forgetOwn = (): void => {
    const own = state.own;
    state.own = null;
    if (own !== null) desk.forget(own.model);
    if (own?.shared) desk.forget(own.shared.sealedBlob);
    rmSync(predictions, { recursive: true, force: true });
    state.selected = [];
    state.scoreboard = null;
  };

  const bench: Bench = {
    add({ model, site, network, trunkVersion }) {
      if (site === trunkOnBench) {
        const earlier = state.candidates.find(
          (candidate) => candidate.site === trunkOnBench && candidate.model !== model,
        );
        if (earlier !== undefined) {
          state.candidates = state.candidates.filter((candidate) => candidate !== earlier);
          // The same weights may stand here under another name.
          if (!state.candidates.some((candidate) => candidate.model === earlier.model)) {
            rmSync(predictionFile(earlier.model), { force: true });
          }
          desk.forget(earlier.model);
        }
      }
      const same = state.candidates.find((candidate) => candidate.model === model && candidate.site === site);
      if (same === undefined) state.candidates.push({ model, site, network, trunkVersion, metrics: null });
      // A commit may leave the weights as they were.
      else same.trunkVersion = trunkVersion;
      desk.save();
    },
    async evaluateNext(project, cohort) {
      const candidate = state.candidates.find(({ metrics }) => metrics === null);
      if (candidate === undefined) return false;
      const weights = await blobs.read(candidate.model);
      const { metrics, probabilities, labels } = await desk.work.evaluate({
        project,
        cohort,
        weights,
        split: 'validation',
      });
      // The project or the cohort may have changed meanwhile: then nobody asks for this any more.
      if (!state.candidates.includes(candidate)) return true;
      mkdirSync(predictions, { recursive: true, mode: 0o700 });
      writeFileDurably(predictionFile(candidate.model), bytesOf(probabilities));
      writeFileDurably(labelsFile, bytesOf(labels));
      candidate.metrics = metrics;
      if (state.candidates.every((one) => one.metrics !== null)) await select(project, cohort);
      desk.save();
      return true;
    },
    async openNext(project) {
      const next = state.announced[0];
      if (next === undefined || state.trunk === null || !blobs.has(state.trunk.blob) || desk.channel() === null)
        return false;
      try {
        await received(project);
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.retry !== 'never') throw thrown;
        desk.ledger('model-refused', { reason: thrown.message });
      }
      state.announced = state.announced.filter((one) => one !== next);
      desk.save();
      return true;
    },
    share() {
      sharing ??= shareOwn().finally(() => {
        sharing = null;
      });
      return sharing;
    },
    get isShared() {
      const shared = state.own?.shared ?? null;
      return shared === null ? missingRecipients([]).length === 0 : missingRecipients(shared.recipients).length === 0;
    },
    judgeAnew() {
      state.candidates = state.candidates
        .filter(({ site }) => site !== state.site)
        .map((candidate) => ({ ...candidate, metrics: null }));
      forgetOwn();
    },
    clear() {
      const dropped = state.candidates;
      state.candidates = [];
      forgetOwn();
      for (const { model } of dropped) desk.forget(model);
    },
  };
  return bench;
}

function row(model: 'local-only' | 'trunk' | 'ensemble', metrics: Metrics | null): Scoreboard['rows'] {
  return metrics === null ? [] : [{ model, auc: metrics.auc, accuracy: metrics.accuracy, loss: metrics.loss }];
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The file's bytes in a buffer of their own, so that they can be read as numbers. */
function arrayBufferOf(file: string): ArrayBuffer {
  return Uint8Array.from(readFileSync(file)).buffer;
}
