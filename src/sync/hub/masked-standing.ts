// The masked buffer that is open, as it stands in the store, and what is said of it to its sites. Secure aggregation at the hub:
// masked-buffers.ts.
import type { DeviceKeys } from '../protocol/device-keys.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { FromHub } from '../protocol/messages.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { bufferOf } from '../secure-aggregation/roster.ts';
import type { CurrentProject } from './current-project.ts';
import type { HubNews } from './hub-news.ts';
import type { HubStep } from './hub-step.ts';
import type { MaskedStore, OpenMaskedBuffer } from './masked-store.ts';
import type { AdmittedSite } from './members.ts';
import { longestTimerMs } from './next-look.ts';
import type { Trunk } from './trunk.ts';

/** What all of secure aggregation at a hub asks of the rest of it. */
export interface MaskedOrder {
  readonly store: MaskedStore;
  readonly trunk: Trunk;
  readonly blobs: BlobFolder;
  readonly keys: DeviceKeys;
  readonly clock: () => number;
  /** Whether a site is a member that did not decline the project. */
  readonly takesPart: (projectHash: string, fingerprint: string) => Promise<boolean>;
  /** Sites that are connected to any hub, and to this one. */
  readonly online: () => Promise<ReadonlySet<string>>;
  readonly here: () => ReadonlySet<string>;
  /** Says to a connected site; whoever is away asks when it comes back. */
  readonly say: (fingerprint: string, message: FromHub) => void;
  /** Tells sites at once who is a member: a roster of strangers would be refused. */
  readonly tellMembers: () => Promise<void>;
  readonly memberChanged: (fingerprint: string) => void;
  readonly tell: (news: HubNews) => void;
  readonly onStep: (step: HubStep) => void;
}

/** The buffer that is open, with what belongs to it. */
export interface Standing {
  readonly current: CurrentProject;
  readonly name: string;
  readonly buffer: OpenMaskedBuffer;
}

export interface MaskedStanding {
  /** Null without one, and without a project that asks for masks. */
  open(): Promise<Standing | null>;
  /** The open buffer that a member speaks of. @throws Fault 580 when it is no more. */
  openFor(name: string, site: AdmittedSite): Promise<Standing>;
  /** @throws ChangedMeanwhile where another hub was quicker. */
  save(standing: Standing, isStep: boolean): Promise<void>;
  /** The next step begins, or the present one anew, with its whole time. */
  goOn(standing: Standing, step: OpenMaskedBuffer['step']): Promise<void>;
  /** `onDue` is called then, and not at an earlier time that was said before. */
  wakeAt(at: number): void;
  /** Nothing is due any more. */
  rest(): void;
  sayAll(standing: Standing, message: FromHub): void;
  opened(standing: Standing): FromHub;
  sharesRelayed(standing: Standing): FromHub;
  /** Says to one member all that it may have missed; what it knows it passes over. */
  remind(standing: Standing, site: string): void;
  readonly isClosed: boolean;
  close(): void;
}

export const threshold = ({ project }: CurrentProject): number => project.secureAggregation!.threshold;
export const stepMs = ({ project }: CurrentProject): number => project.secureAggregation!.stepMs;

export function openMaskedStanding(order: MaskedOrder, onDue: () => void): MaskedStanding {
  const { store, trunk, clock, say } = order;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const standing: MaskedStanding = {
    async open() {
      const current = await trunk.current();
      const isMasked = current !== null && current.project.secureAggregation !== null;
      const buffer = isMasked ? await store.open(current.projectHash) : null;
      return current === null || buffer === null ? null : { current, buffer, name: bufferOf(buffer.roster) };
    },
    async openFor(name, site) {
      const open = await standing.open();
      if (open?.name !== name || !open.buffer.members.some((member) => member.site === site.fingerprint)) {
        throw maskingFault.bufferEnded();
      }
      return open;
    },
    async save({ buffer, current }, isStep) {
      buffer.revision = await store.save(current.projectHash, buffer, isStep);
    },
    async goOn(open, step) {
      open.buffer.step = step;
      open.buffer.stepEndsAt = clock() + stepMs(open.current);
      await standing.save(open, true);
      standing.wakeAt(open.buffer.stepEndsAt);
    },
    wakeAt(at) {
      clearTimeout(timer);
      if (isClosed) return;
      timer = setTimeout(onDue, Math.min(Math.max(at - clock(), 0), longestTimerMs));
    },
    rest: () => clearTimeout(timer),
    sayAll({ buffer }, message) {
      for (const { site } of buffer.members) say(site, message);
    },
    opened: ({ buffer }) => ({
      kind: 'masked-buffer-opened',
      roster: buffer.roster,
      offers: buffer.members.map(({ offer }) => offer),
    }),
    sharesRelayed: ({ buffer, name }) => ({
      kind: 'mask-shares-relayed',
      buffer: name,
      shares: buffer.members.map(({ site }) => buffer.dealt[site]!),
    }),
    remind(open, site) {
      const { step, unmasking } = open.buffer;
      say(site, standing.opened(open));
      if (step !== 'sharing') say(site, standing.sharesRelayed(open));
      if (unmasking !== null) say(site, { kind: 'unmasking-asked', unmasking });
    },
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
  return standing;
}
