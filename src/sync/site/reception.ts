// Models that peers announce: noted, fetched, checked against their author's signature, and put on the bench.
import { createHash } from 'node:crypto';
import { openTurns } from '../../contract/in-turn.ts';
import { Fault } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import { checkUpdate } from '../aggregation/update.ts';
import { decodeWeights, parameterCount, type Weights } from '../aggregation/weights.ts';
import type { Channel } from '../protocol/channel.ts';
import { wireLimits } from '../protocol/limits.ts';
import { openModel, unwrapKey } from '../protocol/sealed-model.ts';
import { parseStatement, readSiteCard, readStatement, type Signed, type StatementOf } from '../protocol/statement.ts';
import type { NewCandidate } from './bench-candidate.ts';
import { benchLimits } from './bench-limits.ts';
import { siteFault } from './faults.ts';
import { recordAncestor } from './lineage.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { AnnouncedModel } from './membership-file.ts';

type ModelStatement = StatementOf<'model'>;

/** A peer can send any number of offers that are none: one of them is entered in so long. */
const unreadableEveryMs = 60_000;

export interface Reception {
  /** Notes what a peer offers. @returns whether its bytes are wanted. */
  note(offer: { readonly model: Signed; readonly sealedKey: string }, way: 'relay' | 'direct'): boolean;
  /**
   * Fetches and opens one announced model, of this author or of any.
   * @returns what became of it; null when there is none that could be had now.
   */
  openNext(project: Project, author?: string): Promise<'taken' | 'refused' | null>;
  /** Announced, not fetched, and of an author who is listened to. */
  waiting(author?: string): readonly AnnouncedModel[];
}

export function openReception(desk: MembershipDesk, add: (candidate: NewCandidate) => void): Reception {
  const { state, blobs, keys } = desk;
  let unreadableAt = Number.NEGATIVE_INFINITY;
  // The work and a person's order may ask at once: one at a time.
  const inTurn = openTurns();

  const authorOf = ({ model }: AnnouncedModel): string => parseStatement('model', model.statement).author;
  const waiting = (author?: string): AnnouncedModel[] =>
    state.announced.filter((one) => {
      const by = authorOf(one);
      return !state.muted.includes(by) && (author === undefined || by === author);
    });
  const isReachable = (one: AnnouncedModel): boolean => state.cards[authorOf(one)] !== undefined && wayTo(one) !== null;
  /** The author's own line where it offered it there, else the hub's. */
  const wayTo = (one: AnnouncedModel): Channel | null =>
    (one.isDirect ? desk.lines().to(authorOf(one)) : null) ?? (one.isRelayed ? desk.channel() : null);

  const isSuperseded = ({ author, branch, sequence, model }: ModelStatement): boolean =>
    state.candidates.some(
      (known) =>
        known.author === author && known.branch === branch && (known.model === model || known.sequence > sequence),
    );

  const layoutOf = async (project: Project, { definition }: ModelStatement): Promise<Weights> => {
    if (definition === null) return decodeWeights(await blobs.read(state.trunk!.blob));
    if (definition.task !== project.network.task) throw siteFault.badModel('it is made for another task');
    try {
      const shapes = desk.work.layoutOf(definition, project.classes.length);
      return new Map(shapes.map(({ name, shape }) => [name, { shape, values: new Float32Array(0) }]));
    } catch {
      throw siteFault.badModel('its network is not one that can be used here');
    }
  };

  const received = async (project: Project, next: AnnouncedModel): Promise<void> => {
    const hash = state.project?.hash;
    const isStillAsked = (): boolean => state.project?.hash === hash && state.trunk !== null;
    const { author } = parseStatement('model', next.model.statement);
    const card = state.cards[author];
    if (card === undefined) throw siteFault.badModel('its author is not a member of this federation');
    const { publicKey, site } = readSiteCard(card);
    const statement = readStatement('model', next.model, publicKey);
    if (statement.projectHash !== hash) throw siteFault.badModel('it belongs to another project');
    const { model, sealedBlob, sealedBytes, branch, turn } = statement;
    const takesPlace = state.candidates.some((known) => known.author === author && known.branch === branch);
    if (!takesPlace && state.candidates.length >= benchLimits.candidates) {
      throw siteFault.badModel(`${benchLimits.candidates} models are on the bench already`);
    }
    const { network, definition, normalisation, sequence, examples } = statement;
    const layout = await layoutOf(project, statement);
    if (sealedBytes > 4 * parameterCount(layout) + benchLimits.besideWeightsBytes) {
      throw siteFault.badModel('it has more bytes than its network can need');
    }
    await wayTo(next)!.getBlob(sealedBlob, sealedBytes);
    const contentKey = unwrapKey(next.sealedKey, keys, model);
    const sealed = await blobs.read(sealedBlob);
    if (!isStillAsked()) return;
    const weights = openModel(sealed, contentKey, model);
    if (createHash('sha256').update(weights).digest('hex') !== model) {
      throw siteFault.badModel('its weights are not the ones that its author signed');
    }
    if (checkUpdate(decodeWeights(weights), { layout }) !== null)
      throw siteFault.badModel('it does not fit its network, or holds values that are not numbers');
    blobs.put(weights);
    desk.ledger('model-received', { model, from: site, author, bytes: sealedBytes });
    const { parents } = statement;
    const at = new Date(desk.clock()).toISOString();
    recordAncestor(state, { model, author, site, branch, turn, parents, at });
    add({
      model,
      site,
      network,
      trunkVersion: null,
      author,
      branch,
      sequence,
      definition,
      normalisation,
      turn,
      examples,
    });
  };

  const openOne = async (project: Project, author?: string): Promise<'taken' | 'refused' | null> => {
    const next = waiting(author).find(isReachable);
    if (next === undefined || state.trunk === null || !blobs.has(state.trunk.blob)) return null;
    let outcome: 'taken' | 'refused' = 'taken';
    try {
      await received(project, next);
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.retry !== 'never') {
        // Its own line failed: offered there again with the next one, and the hub may have it.
        if (!next.isDirect) throw thrown;
        next.isDirect = false;
        if (!next.isRelayed) state.announced = state.announced.filter((one) => one !== next);
        desk.save();
        return null;
      }
      const { model } = parseStatement('model', next.model.statement);
      state.refusedModels = [...state.refusedModels, model].slice(-benchLimits.refusedModels);
      desk.ledger('model-refused', { reason: thrown.message });
      outcome = 'refused';
    } finally {
      // Whatever became of it, the sealed form is of no use any more.
      desk.forget(parseStatement('model', next.model.statement).sealedBlob);
    }
    state.announced = state.announced.filter((one) => one !== next);
    desk.save();
    const { author: by, model } = parseStatement('model', next.model.statement);
    desk.lines().to(by)?.send({ kind: 'model-taken', model });
    return outcome;
  };

  return {
    note(offer, way) {
      let statement: ModelStatement;
      try {
        const { author } = parseStatement('model', offer.model.statement);
        const card = state.cards[author];
        // The news that its author is a member may come after it: then it is checked before it is opened.
        statement =
          card === undefined
            ? parseStatement('model', offer.model.statement)
            : readStatement('model', offer.model, readSiteCard(card).publicKey);
      } catch (thrown) {
        const isEntered = Math.abs(desk.clock() - unreadableAt) >= unreadableEveryMs;
        if (isEntered) unreadableAt = desk.clock();
        // Whoever brought it is not to blame for what its author wrote.
        if (isEntered)
          desk.ledger('model-refused', { reason: thrown instanceof Fault ? thrown.message : 'it cannot be read' });
        return false;
      }
      const { author, branch, sequence, model } = statement;
      if (author === keys.fingerprint || state.refusedModels.includes(model) || isSuperseded(statement)) return false;
      const same = state.announced.find(({ model: known }) => known.statement === offer.model.statement);
      if (same === undefined) {
        const own = state.announced.map((one) => ({ one, ...parseStatement('model', one.model.statement) }));
        const ofAuthor = own.filter((one) => one.author === author);
        if (ofAuthor.some((one) => one.branch === branch && one.sequence > sequence)) return false;
        const dropped = ofAuthor.filter((one) => one.branch === branch).map(({ one }) => one);
        if (ofAuthor.length - dropped.length >= wireLimits.branches) return false;
        const others = state.announced.filter((one) => !dropped.includes(one));
        const characters = others.reduce((sum, one) => sum + one.model.statement.length, offer.model.statement.length);
        if (others.length >= benchLimits.announced || characters > benchLimits.announcedCharacters) return false;
        state.announced = others;
        state.announced.push({ ...offer, isRelayed: way === 'relay', isDirect: way === 'direct' });
      } else if (way === 'direct') same.isDirect = true;
      else same.isRelayed = true;
      return true;
    },
    openNext: (project, author) => inTurn(() => openOne(project, author)),
    waiting,
  };
}
