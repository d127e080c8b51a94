// What the console knows: who is signed in, which page is shown, and its view, which follows what happens at the hub.
import { z } from 'zod';
import {
  type ConsoleInvite,
  type ConsoleMember,
  type ConsoleNetworks,
  type ConsoleOverview,
  type ConsoleProject,
  type ConsoleSessionView,
  type ConsoleTrunk,
  consoleInviteSchema,
  consoleMemberSchema,
  consoleNetworksSchema,
  consoleOverviewSchema,
  consoleProjectSchema,
  consoleSessionSchema,
  consoleTrunkSchema,
} from '../contract/console.ts';
import { Fault, faultValueOf } from '../contract/fault.ts';
import type { IconName } from '../renderer/ui/Icon.svelte';
import type { Toasts } from '../renderer/ui/toasts.svelte.ts';
import { askHub, notSignedInCode } from './hub-link.ts';
import { ProjectDraft } from './propose/project-draft.svelte.ts';

export const pages = [
  { name: 'overview', label: 'Overview', icon: 'server' },
  { name: 'members', label: 'Members', icon: 'cohorts' },
  { name: 'invites', label: 'Invites', icon: 'send' },
  { name: 'project', label: 'Project', icon: 'federation' },
  { name: 'trunk', label: 'Trunk', icon: 'training' },
] as const satisfies readonly { name: string; label: string; icon: IconName }[];
export type PageName = (typeof pages)[number]['name'];

/** Many things may happen at once: they are one question. */
const settleMs = 400;
/** What no event tells: memory, the disk, what another hub of the same federation did. */
const askEveryMs = 10_000;

const done = z.object({});

export class Console {
  #session = $state.raw<ConsoleSessionView | null>(null);
  #page = $state<PageName>(pageOf(location.hash));
  #problem = $state<string | null>(null);
  #overviewAt = $state<string | null>(null);
  #overview = $state.raw<ConsoleOverview | null>(null);
  #members = $state.raw<readonly ConsoleMember[] | null>(null);
  #invites = $state.raw<readonly ConsoleInvite[] | null>(null);
  #project = $state.raw<{ readonly project: ConsoleProject | null } | null>(null);
  #trunk = $state.raw<ConsoleTrunk | null>(null);
  #networks = $state.raw<ConsoleNetworks['networks']>(null);
  #draft = $state.raw<ProjectDraft | null>(null);
  readonly #toasts: Toasts;
  #live: EventSource | null = null;
  #settling: ReturnType<typeof setTimeout> | null = null;

  constructor(toasts: Toasts) {
    this.#toasts = toasts;
    addEventListener('hashchange', () => this.#arrive());
    setInterval(() => {
      if (!document.hidden) void this.refresh();
    }, askEveryMs);
    this.#arrive();
  }

  /** Null until the hub has said. */
  get session(): ConsoleSessionView | null {
    return this.#session;
  }

  get mayAct(): boolean {
    return this.#session?.role === 'coordinator';
  }

  get page(): PageName {
    return this.#page;
  }

  /** Why what is shown may be old, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  /** When the overview was read last: an ISO time; null before. */
  get overviewAt(): string | null {
    return this.#overviewAt;
  }

  get overview(): ConsoleOverview | null {
    return this.#overview;
  }

  get members(): readonly ConsoleMember[] | null {
    return this.#members;
  }

  get invites(): readonly ConsoleInvite[] | null {
    return this.#invites;
  }

  get project(): { readonly project: ConsoleProject | null } | null {
    return this.#project;
  }

  get trunk(): ConsoleTrunk | null {
    return this.#trunk;
  }

  /** Of which a project can be made here; null where none can. */
  get networks(): ConsoleNetworks['networks'] {
    return this.#networks;
  }

  /** The project that is being written; null while none is. */
  get draft(): ProjectDraft | null {
    return this.#draft;
  }

  /** Begins to write a project, from another one's fields or from nothing. */
  beginDraft(from: ConsoleProject['project'] | null): void {
    this.#draft = new ProjectDraft(from);
  }

  endDraft(): void {
    this.#draft = null;
  }

  /** @returns why it was refused; null when it was not. */
  async signIn(given: { code: string } | { passphrase: string }): Promise<string | null> {
    try {
      this.#become(await askHub('sign-in', consoleSessionSchema, given));
      return null;
    } catch (thrown) {
      return faultValueOf(thrown).message;
    }
  }

  async signOut(): Promise<void> {
    if (await this.act('sign-out', {}, done)) await this.#readSession();
  }

  /** Asks the hub to do something. @returns its answer; null when it refused, which is told. */
  async act<Value>(name: string, body: object, answer: z.ZodType<Value>, said?: string): Promise<Value | null> {
    try {
      const value = await askHub(name, answer, body);
      if (said !== undefined) this.#toasts.tell(said);
      await this.refresh();
      return value;
    } catch (thrown) {
      this.#toasts.fault(thrown);
      return null;
    }
  }

  async refresh(): Promise<void> {
    if (this.#session?.role == null) return;
    try {
      await this.#read(this.#page);
      this.#problem = null;
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code === notSignedInCode) await this.#readSession();
      else this.#problem = faultValueOf(thrown).message;
    }
  }

  async #read(page: PageName): Promise<void> {
    switch (page) {
      case 'overview':
        this.#overview = await askHub('overview', consoleOverviewSchema);
        this.#overviewAt = new Date().toISOString();
        return;
      case 'members':
        this.#project = await askHub('project', z.object({ project: consoleProjectSchema.nullable() }));
        this.#members = (await askHub('members', z.object({ members: z.array(consoleMemberSchema) }))).members;
        return;
      case 'invites':
        this.#invites = (await askHub('invites', z.object({ invites: z.array(consoleInviteSchema) }))).invites;
        return;
      case 'project':
        this.#networks ??= (await askHub('networks', consoleNetworksSchema)).networks;
        this.#members = (await askHub('members', z.object({ members: z.array(consoleMemberSchema) }))).members;
        this.#project = await askHub('project', z.object({ project: consoleProjectSchema.nullable() }));
        return;
      case 'trunk':
        this.#project = await askHub('project', z.object({ project: consoleProjectSchema.nullable() }));
        this.#trunk = await askHub('trunk', consoleTrunkSchema);
    }
  }

  /** At the start and whenever the address changes: a one-time link, or a page. */
  #arrive(): void {
    const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
    if (code !== undefined) {
      // Not left where the browser's history would keep it.
      history.replaceState(null, '', '#overview');
      void this.signIn({ code }).then((refusal) => {
        if (refusal === null) return undefined;
        this.#toasts.fault(new Fault({ code: 530, message: refusal, retry: 'never' }));
        return this.#readSession();
      });
      return;
    }
    this.#page = pageOf(location.hash);
    if (this.#session === null) void this.#readSession();
    else void this.refresh();
  }

  async #readSession(): Promise<void> {
    try {
      this.#become(await askHub('session', consoleSessionSchema));
    } catch (thrown) {
      this.#problem = faultValueOf(thrown).message;
      setTimeout(() => void this.#readSession(), askEveryMs);
    }
  }

  #become(session: ConsoleSessionView): void {
    this.#session = session;
    this.#problem = null;
    this.#live?.close();
    this.#live = null;
    if (session.role === null) {
      this.#overview = this.#members = this.#invites = this.#project = this.#trunk = this.#draft = null;
      return;
    }
    this.#live = new EventSource('./api/live');
    this.#live.addEventListener('message', () => this.#refreshSoon());
    void this.refresh();
  }

  #refreshSoon(): void {
    if (this.#settling !== null) return;
    this.#settling = setTimeout(() => {
      this.#settling = null;
      void this.refresh();
    }, settleMs);
  }
}

function pageOf(hash: string): PageName {
  return pages.find(({ name }) => hash === `#${name}`)?.name ?? 'overview';
}
