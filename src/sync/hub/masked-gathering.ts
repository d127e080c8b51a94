// Gathers what sites offer to a masked buffer, and opens one when enough of them are there. Secure aggregation at the hub: masked-buffers.ts.
import { fewestSites, nextCommit } from '../aggregation/next-commit.ts';
import type { AnswerBody } from '../protocol/channel.ts';
import { parseStatement, readStatement, type Signed, signStatement } from '../protocol/statement.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { bufferOf, textHash } from '../secure-aggregation/roster.ts';
import type { CurrentProject } from './current-project.ts';
import { hubFault } from './faults.ts';
import { type MaskedOrder, type MaskedStanding, stepMs, threshold } from './masked-standing.ts';
import type { NewMaskedBuffer, WaitingOffer } from './masked-store.ts';
import type { AdmittedSite } from './members.ts';
import { offerFault } from './update-acceptance.ts';

export interface MaskedGathering {
  /** Answers a site that offers an update. @throws the Fault that refuses it. */
  offer(site: AdmittedSite, signed: Signed): Promise<AnswerBody>;
  /** Opens the next buffer, if it is due. */
  openNext(): Promise<void>;
}

export function openMaskedGathering(order: MaskedOrder, standing: MaskedStanding): MaskedGathering {
  const { store, trunk, keys, clock, tell } = order;
  const now = (): string => new Date(clock()).toISOString();

  const offer = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const statement = readStatement('masked-offer', signed, site.publicKey);
    const earlier = await trunk.receiptFor(site, statement.idempotencyKey);
    if (earlier !== null) return { kind: 'update-accepted', receipt: earlier, isDuplicate: true };
    const current = await trunk.current();
    if (current === null) throw hubFault.noProject();
    const refusal = offerFault(current, statement);
    if (refusal !== null) throw refusal;
    if (current.project.secureAggregation === null) throw maskingFault.notMasked();
    const open = await standing.open();
    const member = open?.buffer.members.find((one) => one.site === site.fingerprint);
    if (open !== null && member !== undefined) {
      if (member.offer.statement !== signed.statement) throw maskingFault.otherOfferOpen();
      standing.remind(open, site.fingerprint);
      return { kind: 'noted' };
    }
    const waiting = { site: site.fingerprint, name: site.site, publicKey: site.publicKey, offer: signed };
    await store.putOffer(current.projectHash, waiting, now(), open?.buffer.revision ?? null);
    await openIfDue(current);
    return { kind: 'noted' };
  };

  /** Opens a buffer when enough of the sites that wait are there. */
  const openIfDue = async (current: CurrentProject): Promise<void> => {
    const { project, projectHash, trunk: newest, isFinished } = current;
    if (
      standing.isClosed ||
      isFinished ||
      project.secureAggregation === null ||
      (await store.open(projectHash)) !== null
    )
      return;
    const present: (WaitingOffer & { readonly acceptedAt: string })[] = [];
    const online = await order.online();
    for (const waiting of await store.offers(projectHash)) {
      const statement = parseStatement('masked-offer', waiting.offer.statement);
      const takesPart = await order.takesPart(projectHash, waiting.site);
      // The site hears why when it offers again, which it does after each commit.
      if (!takesPart || offerFault(current, statement) !== null) await store.dropOffer(projectHash, waiting);
      else if (online.has(waiting.site)) present.push(waiting);
    }
    const next = nextCommit(present, project.trunkRule, clock(), fewestSites(project, newest.version));
    if (next.updates === null)
      return next.dueAt === null || next.dueAt <= clock() ? undefined : standing.wakeAt(next.dueAt);
    const members = next.updates
      .map(({ site, name, publicKey, offer }) => ({ site, name, publicKey, offer }))
      .toSorted((one, other) => (one.site < other.site ? -1 : 1));
    const roster = signStatement(
      'masked-roster',
      {
        project: project.id,
        projectHash,
        trunkVersion: newest.version,
        threshold: threshold(current),
        openedAt: now(),
        members: members.map(({ site, offer }) => ({ site, offer: textHash(offer.statement) })),
      },
      keys,
    );
    const stepEndsAt = clock() + stepMs(current);
    const empty = { dealt: {}, unmasking: null, revealed: {} };
    const begun: NewMaskedBuffer = { step: 'sharing', stepEndsAt, roster, members, ...empty };
    const buffer = { ...begun, revision: await store.begin(projectHash, begun, newest.version) };
    order.onStep('masked-buffer-opened');
    tell({ kind: 'masked-buffer-opened', sites: members.map(({ name }) => name) });
    standing.wakeAt(stepEndsAt);
    await order.tellMembers();
    const open = { current, buffer, name: bufferOf(roster) };
    standing.sayAll(open, standing.opened(open));
  };

  return {
    offer,
    async openNext() {
      const current = await trunk.current();
      if (current !== null) await openIfDue(current);
    },
  };
}
