// What the parts of one membership share: its durable state, its blobs, the line to the hub if there is one, and whom to tell.
import type { Membership } from '../../contract/federation.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { Channel } from '../protocol/channel.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import type { MembershipState } from './membership-file.ts';
import type { PeerLines } from './peer-lines.ts';
import type { SiteWork } from './site-work.ts';

export type LedgerDetail = Readonly<Record<string, string | number | boolean | null>>;
export type Activity = Membership['activity'];

export interface MembershipDesk {
  readonly folder: string;
  /** Changed in place, then made durable by `save`. */
  readonly state: MembershipState;
  readonly blobs: BlobFolder;
  readonly keys: DeviceKeys;
  readonly work: SiteWork;
  readonly clock: () => number;
  /** Writes the state and tells the window. */
  save(): void;
  /** Cards, addresses or the list of members changed: written with the next `save`, or soon. */
  membersChanged(): void;
  /** Tells the window only. */
  changed(): void;
  /** Removes a blob unless something in the state still needs it: equal bytes have one file. */
  forget(hash: string): void;
  /** Null while the hub cannot be reached. */
  channel(): Channel | null;
  /** Lines to peers. */
  lines(): PeerLines;
  /** Resolves once the hub has been tried, with what it says first taken in, or after a few seconds. */
  tried(): Promise<void>;
  /** Writes one act into the station's ledger; the federation's name is added. */
  ledger(act: string, detail: LedgerDetail): void;
}
