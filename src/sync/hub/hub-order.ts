// What a hub is started with, and what it can do and tell then.
import type { Server } from 'node:http';
import type { Project, SitesAwaited } from '../../contract/federation.ts';
import type { TlsFiles } from './hub-http.ts';
import type { HubNews } from './hub-news.ts';
import type { HubStep } from './hub-step.ts';
import type { InviteOrder } from './invites.ts';
import type { MembershipEnd } from './members.ts';
import type { ProjectNetworks } from './project-draft.ts';

export interface HubOrder {
  readonly folder: string;
  /** Address of a PostgreSQL database that this hub shares with others; without it the rows are in the folder. */
  readonly postgres?: string | undefined;
  /** Folder of the blobs, which hubs of one database share; in the data folder by default. */
  readonly blobs?: string | undefined;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly host?: string;
  /** What invites say, when sites reach the hub through a proxy: wss://hub.example.org. */
  readonly publicUrl?: string | undefined;
  /** A certificate and its key, where no proxy stands before the hub to encrypt. */
  readonly tls?: TlsFiles | undefined;
  /** The federation's name; kept from the first start on unless given again. */
  readonly federation?: string | undefined;
  readonly project?: Project;
  readonly initialWeights?: Uint8Array;
  /** What the console makes new projects of; without, projects come from the command line only. */
  readonly networks?: ProjectNetworks;
  /** How many days a certificate of membership is good; `certificateDays.byDefault` without. */
  readonly certificateDays?: number | undefined;
  readonly clock?: () => number;
  readonly pingMs?: number;
  /** After how long without a sign of life another hub takes over a commit. */
  readonly leaseMs?: number;
  /** Hears each piece of news from the first on. */
  readonly onNews?: (news: HubNews) => void;
  readonly onStep?: (step: HubStep) => void;
}

export interface HubStatus {
  readonly federation: string;
  readonly url: string;
  readonly fingerprint: string;
  readonly project: Project | null;
  readonly trunkVersion: number;
  readonly isFinished: boolean;
  readonly bufferedUpdates: number;
  /** What the first commit waits for; null when it does not. */
  readonly awaited: SitesAwaited | null;
  readonly acceptedUpdates: number;
  readonly refusedUpdates: number;
  readonly members: readonly {
    readonly site: string;
    readonly fingerprint: string;
    readonly online: boolean;
    readonly updates: number;
    readonly lastSeen: string | null;
  }[];
}

export interface Hub {
  /** Where sites reach it, as invites say. */
  readonly url: string;
  readonly port: number;
  /** SHA-256 (hex) of the hub's public key. */
  readonly fingerprint: string;
  createInvite(order?: InviteOrder): Promise<string>;
  status(): Promise<HubStatus>;
  setProject(project: Project, initialWeights: Uint8Array): Promise<void>;
  /** The newest trunk as safetensors; null without a project. */
  trunkWeights(): Promise<Uint8Array | null>;
  /** Ends a site's membership at once. @returns whether there was such a member. */
  endMembership(site: string, end: MembershipEnd): Promise<boolean>;
  /** Takes connections that did not come through the port, by its event `connection`: those of a simulation, in memory. */
  readonly server: Pick<Server, 'emit'>;
  /** Calls `listener` with each piece of news; the result ends that. */
  watch(listener: (news: HubNews) => void): () => void;
  close(): Promise<void>;
}
