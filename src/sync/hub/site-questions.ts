// What a member asks or tells beside transfers, and the hub's answers: each looks into the rows first, because a membership may have ended a
// moment ago.
import { Fault } from '../../contract/fault.ts';
import type { AnswerBody } from '../protocol/channel.ts';
import type { FromSite } from '../protocol/messages.ts';
import type { Signed } from '../protocol/statement.ts';
import { hubFault } from './faults.ts';
import type { HubLedger } from './hub-ledger.ts';
import type { HubNews } from './hub-news.ts';
import type { WitnessedHeads } from './ledger-heads.ts';
import type { MaskedBuffers } from './masked-buffers.ts';
import { memberRates, openMemberRate } from './member-rate.ts';
import type { AdmittedSite, Members } from './members.ts';
import type { ProjectAnswer } from './project-answers.ts';
import type { Relay } from './relay.ts';
import type { ToldAddresses } from './told-addresses.ts';
import type { Trunk } from './trunk.ts';
import type { TrunkStore } from './trunk-store.ts';
import { unknownField } from './unknown-fields.ts';

/** What a site says that is neither about a transfer nor an answer. */
type Question = Exclude<FromSite, { kind: 'put-begin' | 'put-end' | 'get-begin' | 'chunk-received' } | { re: number }>;

/** What sites' words are written down by. */
export interface SiteRecords {
  exchangeHeads(
    site: AdmittedSite,
    said: { readonly head: Signed; readonly witness: Signed | null },
  ): Promise<WitnessedHeads>;
  recordAnswer(site: AdmittedSite, signed: Signed): Promise<ProjectAnswer>;
  /** A site's turns of a project without trunk are done. */
  recordTurnsDone(site: AdmittedSite, signed: Signed): Promise<void>;
}

/** @throws the Fault that refuses what is asked. */
export type AnswerSite = (
  from: { readonly site: AdmittedSite; readonly features: readonly string[] },
  message: Question,
) => Promise<AnswerBody | null>;

export function openSiteQuestions(
  order: SiteRecords & {
    readonly members: Members;
    readonly store: TrunkStore;
    readonly relay: Relay;
    readonly addresses: ToldAddresses;
    readonly ledger: Pick<HubLedger, 'append'>;
    readonly trunk: () => Trunk;
    readonly masked: () => MaskedBuffers;
    readonly clock: () => number;
    readonly tell: (news: HubNews) => void;
    /** Nobody waits for the result: what fails is told and ends nothing else. */
    readonly guarded: (site: AdmittedSite, act: () => Promise<void>) => Promise<boolean>;
    readonly memberChanged: (fingerprint: string) => void;
    /** Tells a site, if it is connected here, of models for it. */
    readonly offerModels: (fingerprint: string) => Promise<void>;
    /** Ends the connection of a site that left. */
    readonly farewell: (fingerprint: string) => void;
  },
): AnswerSite {
  const { members, store, relay, addresses, ledger, clock, tell, memberChanged } = order;
  const mayAnswer = openMemberRate(memberRates.answers, clock);
  const mayExchange = openMemberRate(memberRates.exchanges, clock);
  const isRefusalEntered = openMemberRate(memberRates.refusals, clock);

  /** @throws Fault 528 when the site's data manager said no to the project. */
  const refuseDeclined = async (site: AdmittedSite): Promise<void> => {
    const current = await order.trunk().current();
    if (current !== null && (await store.hasDeclined(current.projectHash, site.fingerprint))) throw hubFault.declined();
  };

  /** @throws Fault 519 when its updates would lack what the project asks for. */
  const refuseTooOld = async (features: readonly string[]): Promise<void> => {
    const current = await order.trunk().current();
    const unknown = current === null ? null : unknownField(current.project, features);
    if (unknown !== null) throw hubFault.siteTooOld(unknown);
  };

  const tellAwaitedSites = async (): Promise<void> => {
    const awaited = await order.trunk().awaitedSites();
    if (awaited !== null) tell({ kind: 'sites-awaited', ...awaited });
  };

  return async ({ site, features }, message) => {
    if (!(await members.isMember(site.fingerprint))) throw hubFault.notMember();
    switch (message.kind) {
      case 'update-offered':
        try {
          if (site.role === 'observer') throw hubFault.observer();
          await refuseTooOld(features);
          const { receipt, isDuplicate } = await order.trunk().accept(site, message.update);
          tell({ kind: 'update-accepted', site: site.site, isDuplicate });
          // The answer does not wait for news about it, nor does a database that went away meanwhile spoil it.
          void order.guarded(site, tellAwaitedSites);
          memberChanged(site.fingerprint);
          return { kind: 'update-accepted', receipt, isDuplicate };
        } catch (thrown) {
          if (thrown instanceof Fault) {
            tell({ kind: 'update-refused', site: site.site, fault: thrown.toValue() });
            const { site: from, fingerprint: device } = site;
            const reason = thrown.message.slice(0, 500);
            const entry = { from, device, code: thrown.code, reason };
            // The refusal is told also where the disk does not take the entry.
            if (isRefusalEntered(device)) await order.guarded(site, () => ledger.append('update-refused', entry));
          }
          throw thrown;
        }
      case 'model-published': {
        if (site.role === 'observer') throw hubFault.observer();
        const recipients = await relay.publish(site, message.model, message.envelopes);
        for (const recipient of recipients) await order.offerModels(recipient);
        tell({ kind: 'model-published', site: site.site, recipients: recipients.length });
        return { kind: 'model-relayed' };
      }
      case 'masked-update-offered':
      case 'mask-shares-dealt':
      case 'masked-update-sent':
      case 'masks-revealed':
      case 'masked-buffer-refused':
        if (site.role === 'observer') throw hubFault.observer();
        if (message.kind === 'masked-update-offered') {
          await refuseDeclined(site);
          await refuseTooOld(features);
        }
        return order.masked().receive(site, message);
      case 'heads-exchanged':
        if (!mayExchange(site.fingerprint)) throw hubFault.tooOften();
        return { kind: 'heads-witnessed', ...(await order.exchangeHeads(site, message)) };
      case 'project-answered': {
        if (!mayAnswer(site.fingerprint)) throw hubFault.tooOften();
        const { answer, because } = await order.recordAnswer(site, message.answer);
        tell({ kind: 'project-answered', site: site.site, answer, because });
        return { kind: 'answer-recorded' };
      }
      case 'turns-done':
        if (site.role === 'observer') throw hubFault.observer();
        await order.recordTurnsDone(site, message.done);
        return { kind: 'noted' };
      case 'leave':
        await members.leave(site.fingerprint);
        await addresses.forget(site.fingerprint);
        tell({ kind: 'site-left', site: site.site });
        memberChanged(site.fingerprint);
        await order.masked().siteChanged(site.fingerprint);
        setImmediate(() => order.farewell(site.fingerprint));
        return { kind: 'left' };
    }
  };
}
