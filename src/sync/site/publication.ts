// What this site shows its peers: each model signed, sealed once, and handed to every member that has not got it. A branch is a
// movable name: a newer model of the same branch takes the place of the older.
import { Fault } from '../../contract/fault.ts';
import type { Channel } from '../protocol/channel.ts';
import { sealModel, wrapKey } from '../protocol/sealed-model.ts';
import { readSiteCard, signStatement, type StatementOf } from '../protocol/statement.ts';
import { recordAncestor } from './lineage.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { PublishedModel } from './membership-file.ts';
import { peerLimits } from './peer-limits.ts';
import { isPeer, peersOf } from './peers.ts';

export type NewPublication = Pick<
  StatementOf<'model'>,
  | 'model'
  | 'branch'
  | 'turn'
  | 'parents'
  | 'network'
  | 'definition'
  | 'normalisation'
  | 'datasetFingerprint'
  | 'examples'
  | 'metrics'
> & {
  /** The only ones for whom it is; null: every member, also those who come later. */
  readonly audience: readonly string[] | null;
};

export interface Publication {
  /** Signs and seals a model whose weights lie in the blob folder. It leaves with the next `deliver`. */
  publish(publication: NewPublication): Promise<void>;
  /** Hands what is published to those who have not got it. */
  deliver(): Promise<void>;
  /** Who has not got everything, as far as this site can do something about it: fingerprints. */
  readonly awaiting: readonly string[];
  /** A peer has a model, or refused it for good. */
  taken(fingerprint: string, model: string): void;
  /** Whether a peer may fetch these sealed bytes: they were offered to it. Entered in the ledger first. @throws what the disk says. */
  mayFetch(fingerprint: string, sealedBlob: string): boolean;
  /** Takes back what was published. */
  clear(): void;
  close(): void;
}

export function openPublication(desk: MembershipDesk): Publication {
  const { state, blobs, keys } = desk;
  let delivering: Promise<void> | null = null;
  /** Asked for while it runs: it begins anew. */
  let isWanted = false;
  let again: NodeJS.Timeout | null = null;
  /** By published model and line: when it was offered there. The hub gets it too where it is not taken in time. */
  const offered = new WeakMap<PublishedModel, Map<Channel, number>>();

  /** To whom it was offered on a line of its own, in this run. */
  const offeredTo = new WeakMap<PublishedModel, Set<string>>();
  const wasOffered = (published: PublishedModel, peer: string): boolean =>
    published.enteredDirect.includes(peer) || offeredTo.get(published)?.has(peer) === true;

  const missing = ({ audience, recipients }: PublishedModel): string[] =>
    peersOf(state, keys.fingerprint).filter(
      (peer) => !recipients.includes(peer) && (audience === null || audience.includes(peer)),
    );

  /** Who is offered it on a line of its own: while the hub is away also those for whom the hub took it, and may not have handed it on. */
  const wantedOnLines = (published: PublishedModel): string[] => {
    if (desk.channel() !== null) return missing(published);
    const { entered, enteredDirect } = published;
    const relayed = entered.filter((peer) => isPeer(state, keys.fingerprint, peer) && !enteredDirect.includes(peer));
    return [...new Set([...missing(published), ...relayed])];
  };

  const isPublished = (published: PublishedModel): boolean => state.published.includes(published);

  /** Offers a model on a line of its own, once for each line. */
  const offer = async (published: PublishedModel, recipient: string, line: Channel): Promise<void> => {
    const { model, statement } = published;
    const lines = offered.get(published) ?? new Map<Channel, number>();
    offered.set(published, lines);
    if (lines.has(line)) return;
    lines.set(line, desk.clock());
    offeredTo.set(published, (offeredTo.get(published) ?? new Set()).add(recipient));
    try {
      const noted = await line.ask({
        kind: 'model-offered',
        model: statement,
        sealedKey: sealedKeyFor(published, recipient),
      });
      if (noted.kind === 'model-noted' && !noted.isWanted) publication.taken(recipient, model);
    } catch {
      // Offered again on the next line, or through the hub.
      lines.set(line, Number.NEGATIVE_INFINITY);
    }
  };

  /** It may still come to be taken on a line of its own. */
  const isPending = (published: PublishedModel, recipient: string): boolean => {
    if (desk.lines().isTrying(recipient)) return true;
    const line = desk.lines().to(recipient);
    if (line === null) return false;
    const at = offered.get(published)?.get(line);
    // One that was published while others were offered is offered in the next turn.
    return at === undefined || desk.clock() - at < peerLimits.takeMs;
  };

  const relay = async (channel: Channel, published: PublishedModel): Promise<void> => {
    const recipients = missing(published).filter((recipient) => !isPending(published, recipient));
    if (recipients.length === 0) return;
    const { model, sealedBlob } = published;
    const envelopes = recipients.map((recipient) => ({ recipient, sealedKey: sealedKeyFor(published, recipient) }));
    const entered = recipients.filter((recipient) => !published.entered.includes(recipient));
    if (entered.length > 0) {
      const bytes = published.entered.length === 0 ? (blobs.size(sealedBlob) ?? 0) : 0;
      // Before a byte leaves: what the ledger cannot take does not leave.
      desk.ledger('model-shared', { model, recipients: entered.length, bytes });
      published.entered.push(...entered);
      desk.save();
    }
    try {
      await channel.putBlob(sealedBlob);
      if (!isPublished(published)) return;
      await channel.ask({ kind: 'model-published', model: published.statement, envelopes });
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.retry !== 'never') throw thrown;
      if (!isPublished(published)) return;
      // Nothing that this site could do would change it: the work goes on without.
      desk.ledger('model-not-shared', { model, reason: thrown.message });
      state.reason = thrown.message;
    }
    // One that left meanwhile has to be given it again when it comes back.
    published.recipients.push(...recipients.filter((recipient) => state.memberFingerprints.includes(recipient)));
    desk.save();
  };

  const sealedKeyFor = ({ contentKey, model }: PublishedModel, recipient: string): string =>
    wrapKey(Buffer.from(contentKey, 'base64url'), readSiteCard(state.cards[recipient]!).boxPublicKey, model);

  const retryIn = (delayMs: number): void => {
    if (again !== null) clearTimeout(again);
    again = setTimeout(() => void publication.deliver().catch(() => {}), delayMs).unref();
  };
  const onLines = async (): Promise<void> => {
    const offers = state.published.flatMap((published) =>
      wantedOnLines(published).flatMap((recipient) => {
        const line = desk.lines().to(recipient);
        return line === null ? [] : offer(published, recipient, line);
      }),
    );
    await Promise.all(offers);
  };
  const throughHub = async (): Promise<void> => {
    const channel = desk.channel();
    if (channel === null) return;
    for (const published of state.published) if (isPublished(published)) await relay(channel, published);
  };
  const run = async (): Promise<void> => {
    await onLines();
    await throughHub();
    // Those who were being dialled meanwhile.
    await desk.lines().tried();
    await onLines();
    await throughHub();
    if (state.published.some((published) => missing(published).some((one) => isPending(published, one)))) {
      retryIn(peerLimits.takeMs);
    }
  };

  const drop = (dropped: readonly PublishedModel[]): void => {
    state.published = state.published.filter((published) => !dropped.includes(published));
    for (const { sealedBlob } of dropped) desk.forget(sealedBlob);
  };

  const publication: Publication = {
    async publish({ audience, ...described }) {
      const { project } = state;
      if (project === null) return;
      const { model, branch } = described;
      const { sealed, contentKey } = sealModel(await blobs.read(model), model);
      if (state.project?.hash !== project.hash) return;
      const sealedBlob = blobs.put(sealed);
      // Never below the clock: a device that left and joined anew begins above what it showed before.
      state.publications = Math.max(state.publications + 1, Math.floor(desk.clock() / 1_000));
      const statement = signStatement(
        'model',
        {
          ...described,
          project: project.project.id,
          projectHash: project.hash,
          author: keys.fingerprint,
          site: state.site,
          sequence: state.publications,
          sealedBlob,
          sealedBytes: sealed.byteLength,
        },
        keys,
      );
      drop(state.published.filter((published) => published.branch === branch));
      state.published.push({
        branch,
        model,
        statement,
        sealedBlob,
        contentKey: Buffer.from(contentKey).toString('base64url'),
        audience: audience === null ? null : [...audience],
        recipients: [],
        entered: [],
        enteredDirect: [],
      });
      const { turn, parents } = described;
      const at = new Date(desk.clock()).toISOString();
      recordAncestor(state, { model, author: keys.fingerprint, site: state.site, branch, turn, parents, at });
      desk.save();
    },
    deliver() {
      isWanted = true;
      delivering ??= (async () => {
        while (isWanted) {
          isWanted = false;
          await run();
        }
      })()
        .catch((thrown: unknown) => {
          // A hub whose disk is full keeps its line open: asked again by and by.
          retryIn(peerLimits.takeMs);
          throw thrown;
        })
        .finally(() => {
          delivering = null;
        });
      return delivering;
    },
    get awaiting() {
      return [...new Set(state.published.flatMap(missing))];
    },
    taken(fingerprint, model) {
      const taken = state.published.filter(
        (one) => one.model === model && wasOffered(one, fingerprint) && !one.recipients.includes(fingerprint),
      );
      for (const { recipients } of taken) recipients.push(fingerprint);
      if (taken.length > 0) desk.save();
    },
    mayFetch(fingerprint, sealedBlob) {
      const asked = state.published.find((one) => one.sealedBlob === sealedBlob && wasOffered(one, fingerprint));
      if (asked === undefined) return false;
      if (!asked.enteredDirect.includes(fingerprint)) {
        // Before a byte leaves, as with the hub; one that has it already fetches nothing.
        const bytes = blobs.size(sealedBlob) ?? 0;
        const { site } = readSiteCard(state.cards[fingerprint]!);
        desk.ledger('model-shared', { model: asked.model, recipients: 1, bytes, to: site, device: fingerprint });
        asked.enteredDirect.push(fingerprint);
        desk.save();
      }
      return true;
    },
    clear: () => drop(state.published),
    close() {
      if (again !== null) clearTimeout(again);
    },
  };
  return publication;
}
