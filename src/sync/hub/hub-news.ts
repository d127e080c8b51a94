// What the hub tells whoever watches it: the command line's log, a console, a test.
import type { FaultValue } from '../../contract/fault.ts';
import type { SitesAwaited } from '../../contract/federation.ts';

/** What happened at the hub, by site name and number only. */
export type HubNews =
  | {
      readonly kind: 'site-enrolled' | 'site-online' | 'site-offline' | 'site-left' | 'site-dismissed';
      readonly site: string;
    }
  /** `from` is the address of its end of the line. */
  | { readonly kind: 'site-refused'; readonly from: string | null; readonly fault: FaultValue }
  | { readonly kind: 'commit-failed'; readonly fault: FaultValue }
  /** Something broke inside while a site was served, a full disk for example; the site was told to come back later. */
  | { readonly kind: 'failed'; readonly site: string; readonly fault: FaultValue }
  | { readonly kind: 'update-accepted'; readonly site: string; readonly isDuplicate: boolean }
  /** The project's first commit waits for more sites. */
  | ({ readonly kind: 'sites-awaited' } & SitesAwaited)
  | { readonly kind: 'update-refused'; readonly site: string; readonly fault: FaultValue }
  /** An accepted update cannot be counted: its bytes are gone or damaged. */
  | { readonly kind: 'update-lost'; readonly site: string; readonly because: string }
  /** Secure aggregation: a buffer of sites begins, ends without a commit, or broke inside. */
  | { readonly kind: 'masked-buffer-opened'; readonly sites: readonly string[] }
  | { readonly kind: 'masked-buffer-given-up' | 'masked-buffer-failed'; readonly fault: FaultValue }
  | { readonly kind: 'masked-update-arrived'; readonly site: string }
  | { readonly kind: 'masked-buffer-refused'; readonly site: string; readonly reason: string }
  /** What somebody did at the web console, as a sentence without its subject. */
  | { readonly kind: 'console-act'; readonly act: string }
  /** A data manager's answer to the project. */
  | {
      readonly kind: 'project-answered';
      readonly site: string;
      readonly answer: 'approved' | 'declined';
      readonly because: string | null;
    }
  /** The coordinator gave the federation another project, or ended the present one. */
  | { readonly kind: 'project-changed'; readonly project: string; readonly isFinished: boolean }
  /** What a look through the whole ledger found. */
  | { readonly kind: 'ledger-verified'; readonly entries: number }
  /** Number of the first entry that is not as it was written, and what is wrong with it. */
  | { readonly kind: 'ledger-broken'; readonly firstBroken: number; readonly reason: string }
  /** Blobs that were stored and never offered. */
  | { readonly kind: 'blobs-swept'; readonly blobs: number }
  | { readonly kind: 'model-published'; readonly site: string; readonly recipients: number }
  | {
      readonly kind: 'trunk-committed';
      readonly version: number;
      readonly updates: number;
      readonly isFinished: boolean;
    };
