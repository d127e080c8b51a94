// What a site believes of a masked buffer. The hub relays everything, so everything is checked: who the members are, what they
// offered and dealt, and whose masks the hub wants to take off.
import type { Project } from '../../contract/federation.ts';
import { publicKeyObject } from '../protocol/device-keys.ts';
import { readSiteCard, readStatement, type Signed } from '../protocol/statement.ts';
import type { BufferSecrets } from '../secure-aggregation/buffer-keys.ts';
import { type HeldShares, openShares } from '../secure-aggregation/dealt-shares.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { maskingLimits } from '../secure-aggregation/limits.ts';
import { bufferOf, type RosterMember, textHash } from '../secure-aggregation/roster.ts';
import { unusableSecureAggregation } from '../secure-aggregation/unusable-secure-aggregation.ts';
import type { MembershipState } from './membership-file.ts';

/** A member of a buffer, with the name that stands on its card. */
export interface KnownMember extends RosterMember {
  readonly name: string;
}

export interface KnownRoster {
  readonly buffer: string;
  readonly trunkVersion: number;
  readonly threshold: number;
  readonly members: readonly KnownMember[];
}

type Acquainted = Pick<MembershipState, 'cards' | 'memberFingerprints' | 'hubKey'>;

/**
 * The members of a buffer, once this site is among them with `ownOffer` and all others are members of the federation that it knows.
 * @throws Fault 584 with the reason, 400 or 403 for a statement that is none.
 */
export function knownRoster(order: {
  readonly roster: Signed;
  readonly offers: readonly Signed[];
  readonly ownSite: string;
  readonly ownOffer: Signed;
  readonly project: { readonly project: Project; readonly hash: string };
  readonly state: Acquainted;
}): KnownRoster {
  const { state, project } = order;
  const refuse = (reason: string): never => {
    throw maskingFault.badRoster(reason);
  };
  if (state.hubKey === null) refuse('the hub is not known');
  const roster = readStatement('masked-roster', order.roster, state.hubKey!);
  const { secureAggregation, trunkRule } = project.project;
  if (secureAggregation === null || unusableSecureAggregation(project.project).length > 0) {
    return refuse('the project does not use secure aggregation, or in a way that protects nobody');
  }
  if (roster.projectHash !== project.hash) refuse('it is for another project');
  // The threshold is the one that was approved here, never one that the hub names.
  const { threshold } = secureAggregation;
  if (roster.threshold !== threshold) refuse('its threshold is not the one of the approved project');
  const sites = roster.members.map(({ site }) => site);
  if (sites.length !== order.offers.length) refuse('its offers are not those of its members');
  if (sites.some((site, index) => index > 0 && site <= sites[index - 1]!)) refuse('a site stands in it twice');
  if (sites.length < Math.max(threshold, maskingLimits.fewestSites)) refuse(`it has only ${sites.length} sites`);
  if (sites.length > trunkRule.bufferSize) refuse(`it has ${sites.length} sites, more than were agreed on`);
  const members = roster.members.map(({ site, offer: offerHash }, index): KnownMember => {
    const signed = order.offers[index]!;
    if (textHash(signed.statement) !== offerHash) refuse('its offers are not those of its members');
    const card = state.cards[site];
    if (card === undefined || !state.memberFingerprints.includes(site)) {
      return refuse(`the site ${site.slice(0, 12)}… in it is not a member that this site was told of`);
    }
    const { site: name, publicKey } = readSiteCard(card);
    const offer = readStatement('masked-offer', signed, publicKey);
    if (offer.projectHash !== project.hash) refuse(`the offer of ${name} is for another project`);
    const staleness = roster.trunkVersion - offer.baseVersion;
    if (staleness < 0 || staleness > trunkRule.maxStalenessCommits) refuse(`the offer of ${name} is too stale`);
    if (site === order.ownSite && signed.statement !== order.ownOffer.statement) {
      refuse("this site's offer in it is not the one that was made");
    }
    for (const key of [offer.maskKey, offer.shareKey]) publicKeyObject('X25519', key);
    return { site, name, offer };
  });
  // Sites that start from different trunks of one version could be told apart in the sum (Pasquini et al. 2022, arXiv 2111.07380).
  const bases = new Set(members.map(({ offer }) => `${offer.baseVersion} ${offer.base}`));
  if (bases.size !== new Set(members.map(({ offer }) => offer.baseVersion)).size) {
    refuse('the hub gave its sites different trunks under one version');
  }
  if (!sites.includes(order.ownSite)) refuse('this site is not in it');
  const keys = members.flatMap(({ offer }) => [offer.maskKey, offer.shareKey]);
  if (new Set(keys).size !== keys.length) refuse('two sites in it have the same key');
  return { buffer: bufferOf(order.roster), trunkVersion: roster.trunkVersion, threshold, members };
}

/**
 * The shares that each member dealt to this site, by dealer. That every dealer signed this buffer's hash says that all were shown
 * the same roster. @throws Fault 585 naming the dealer whose word does not hold, 403 for a forged one.
 */
export function heldShares(order: {
  readonly dealt: readonly Signed[];
  readonly roster: KnownRoster;
  readonly ownSite: string;
  readonly secrets: BufferSecrets;
  readonly state: Acquainted;
}): Record<string, HeldShares> {
  const { dealt, roster, ownSite, secrets, state } = order;
  const { members, buffer } = roster;
  if (dealt.length !== members.length) throw maskingFault.noProof('list of key shares');
  const held: Record<string, HeldShares> = {};
  for (const [index, { site, name, offer }] of members.entries()) {
    const shares = readStatement('mask-shares', dealt[index]!, readSiteCard(state.cards[site]!).publicKey);
    if (shares.buffer !== buffer) throw maskingFault.badShares(name, 'it was shown another group of sites by the hub');
    const recipients = shares.shares.map(({ recipient }) => recipient);
    if (recipients.join() !== members.map((member) => member.site).join()) {
      throw maskingFault.badShares(name, 'they are not for the members of this buffer');
    }
    held[site] = openShares({
      dealt: shares.shares[recipients.indexOf(ownSite)]!,
      dealer: { site, shareKey: offer.shareKey, name },
      own: { site: ownSite, shareKey: secrets.shareKey },
      buffer,
    });
  }
  return held;
}

/**
 * For each member the one share that the hub may have: of the seed where its masked update is counted, else of its mask key; never
 * both. @throws Fault 587 for a question that a true hub does not ask.
 */
export function sharesToReveal(order: {
  readonly unmasking: Signed;
  readonly roster: KnownRoster;
  readonly held: Readonly<Record<string, HeldShares>>;
  readonly hubKey: string;
}): { readonly counted: number; readonly shares: { readonly of: string; readonly share: string }[] } {
  const { roster, held } = order;
  const { buffer, counted } = readStatement('unmasking', order.unmasking, order.hubKey);
  if (buffer !== roster.buffer) throw maskingFault.badUnmasking('it is about another buffer');
  const sites = roster.members.map(({ site }) => site);
  const distinct = new Set(counted);
  if (distinct.size !== counted.length || counted.some((site) => !sites.includes(site))) {
    throw maskingFault.badUnmasking('it counts a site twice, or one that is no member');
  }
  if (counted.length < roster.threshold) {
    throw maskingFault.badUnmasking(
      `it counts ${counted.length} updates, and fewer than ${roster.threshold} are not laid open`,
    );
  }
  const shares = sites.map((of) => ({ of, share: distinct.has(of) ? held[of]!.seedShare : held[of]!.keyShare }));
  return { counted: counted.length, shares };
}
