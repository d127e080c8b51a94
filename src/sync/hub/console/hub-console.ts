// The web console of a hub that runs: what its parts are put together of.
import type { BlobFolder } from '../../protocol/blob-folder.ts';
import type { HubDatabase } from '../hub-database.ts';
import type { HttpPart } from '../hub-http.ts';
import type { HubLedger } from '../hub-ledger.ts';
import type { Hub } from '../hub-order.ts';
import type { HubTelling } from '../hub-telling.ts';
import { createInvite, withdrawInvite } from '../invites.ts';
import type { Members } from '../members.ts';
import type { Presence } from '../presence.ts';
import { retireProject } from '../project-acts.ts';
import type { ProjectNetworks } from '../project-draft.ts';
import type { TrunkStore } from '../trunk-store.ts';
import type { HubCondition } from '../watch-part.ts';
import { consolePart } from './console-part.ts';
import { openProjectDesk } from './project-desk.ts';
import { openSignIn } from './sign-in.ts';
import { openConsoleViews } from './views.ts';

export function hubConsole(hub: {
  /** What a coordinator types after a command to mean this hub. */
  readonly place: string;
  readonly networks: ProjectNetworks | null;
  readonly federation: string;
  readonly url: string;
  readonly fingerprint: string;
  readonly db: HubDatabase;
  readonly clock: () => number;
  readonly store: TrunkStore;
  readonly blobs: BlobFolder;
  readonly members: Members;
  readonly ledger: HubLedger;
  readonly telling: HubTelling;
  readonly condition: () => Promise<HubCondition>;
  readonly online: Presence['online'];
  readonly endMembership: Hub['endMembership'];
  readonly setProject: Hub['setProject'];
  /** Tells the sites, and goes on with what is due. */
  readonly projectChanged: () => Promise<void>;
}): HttpPart {
  const { db, clock, federation, url, fingerprint, store, blobs, members, ledger, telling, condition, online } = hub;
  const { enter } = ledger;
  const { tell, metrics, live, refusedUpdates } = telling;
  return consolePart({
    federation,
    url,
    place: hub.place,
    signIn: openSignIn(db, enter, clock),
    views: openConsoleViews({
      db,
      federation,
      url,
      fingerprint,
      store,
      members,
      ledger,
      metrics,
      condition,
      online,
      refusedUpdates,
      clock,
    }),
    acts: {
      createInvite: (invite) => createInvite(db, enter, invite, clock()),
      withdrawInvite: (id) => withdrawInvite(db, enter, id, clock()),
      endMembership: hub.endMembership,
    },
    projectDesk: openProjectDesk({
      networks: hub.networks,
      store,
      setProject: hub.setProject,
      async retire(because) {
        await retireProject(db, enter, because);
        await hub.projectChanged();
      },
    }),
    live,
    store,
    blobs,
    ledger,
    onAct: (act) => tell({ kind: 'console-act', act }),
  });
}
