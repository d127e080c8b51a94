// The console over HTTP: pages to everyone, views to whoever is signed in, acts to a coordinator. Every act is in the ledger.
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import {
  newPassphraseSchema,
  type ConsoleSessionView,
  draftSchema,
  endMembershipSchema,
  newInviteSchema,
  retireProjectSchema,
  signInSchema,
  withdrawInviteSchema,
} from '../../../contract/console.ts';
import { Fault } from '../../../contract/fault.ts';
import type { BlobFolder } from '../../protocol/blob-folder.ts';
import { isLoopback } from '../../protocol/invite-link.ts';
import { parseJson } from '../../protocol/statement.ts';
import { hubFault } from '../faults.ts';
import type { HubLedger } from '../hub-ledger.ts';
import { type HttpPart, sendJson } from '../hub-http.ts';
import { inviteFacts, ownMachineOnly } from '../invite-reach.ts';
import type { InviteOrder } from '../invites.ts';
import type { MembershipEnd } from '../members.ts';
import type { TrunkStore } from '../trunk-store.ts';
import type { LiveLine } from './live.ts';
import { openConsolePages, securityHeaders } from './pages.ts';
import type { ProjectDesk } from './project-desk.ts';
import { type ConsoleSession, consoleLimits, type SignIn } from './sign-in.ts';
import type { ConsoleViews } from './views.ts';

const root = '/console';
const apiRoot = `${root}/api/`;
const bodyBytes = 16 * 1024;
/** A project with a network of its own; what its sites are told has 512 KiB at most. */
const projectBytes = 640 * 1024;
/** Only a page of the same origin can send a header of its own: no form and no foreign script. */
const provingHeader = 'x-imagiq-console';

interface Ask {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly token: string;
  readonly session: ConsoleSession;
}

export interface ConsoleActs {
  createInvite(order: InviteOrder): Promise<string>;
  withdrawInvite(id: string): Promise<boolean>;
  endMembership(site: string, end: MembershipEnd): Promise<boolean>;
}

export function consolePart(order: {
  readonly federation: string;
  /** Where browsers reach the hub; its scheme says whether cookies travel encrypted. */
  readonly url: string;
  /** Where the hub's data are, as its commands name the place. */
  readonly place: string;
  readonly signIn: SignIn;
  readonly views: ConsoleViews;
  readonly acts: ConsoleActs;
  readonly projectDesk: ProjectDesk;
  readonly live: LiveLine;
  readonly store: TrunkStore;
  readonly blobs: BlobFolder;
  readonly ledger: Pick<HubLedger, 'append'>;
  readonly onAct: (act: string) => void;
}): HttpPart {
  const { signIn, views, acts, projectDesk, live, store, blobs } = order;
  const pages = openConsolePages();
  const isSecure = order.url.startsWith('wss:');
  const publicHost = new URL(order.url).host;
  // A hub that others reach may stand behind a proxy that says nothing of whom it asks for.
  const isForOwnMachine = isLoopback(new URL(order.url));
  // Browsers refuse the prefix without encryption.
  const cookieName = isSecure ? '__Host-imagiq-console' : 'imagiq-console';
  const cookie = (token: string, seconds: number): string =>
    `${cookieName}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;

  const sessionView = async (
    session: ConsoleSession | null,
    request: IncomingMessage,
  ): Promise<ConsoleSessionView> => ({
    federation: order.federation,
    place: isForOwnMachine && isFromOwnMachine(request) ? order.place : null,
    role: session?.role ?? null,
    hasPassphrase: await signIn.hasPassphrase(),
    expiresAt: session?.expiresAt ?? null,
  });

  const reads: Readonly<Record<string, (ask: Ask) => Promise<object | null>>> = {
    overview: () => views.overview(),
    members: async () => ({ members: await views.members() }),
    invites: async () => ({ invites: await views.invites() }),
    project: async () => ({ project: await views.project() }),
    trunk: () => views.trunk(),
    networks: () => Promise.resolve(projectDesk.networks()),
    live: ({ response, token }) => {
      const isOpen = live.open(response, async () => (await signIn.sessionOf(token)) !== null);
      if (!isOpen) sendJson(response, 503, { status: 'too many pages listen' });
      return Promise.resolve(null);
    },
  };

  const writes: Readonly<Record<string, (ask: Ask, body: unknown) => Promise<object>>> = {
    async 'sign-out'({ response, token }) {
      await signIn.end(token);
      response.setHeader('set-cookie', cookie('', 0));
      return {};
    },
    async passphrase({ token }, body) {
      const { passphrase } = decoded(newPassphraseSchema, body);
      await signIn.setPassphrase(passphrase, token);
      order.onAct('set the console’s passphrase');
      return {};
    },
    async 'invites/new'(_ask, body) {
      const { expiresHours, role } = decoded(newInviteSchema, body);
      const expiresInMs = expiresHours * 3_600_000;
      const link = await acts.createInvite({ expiresInMs, role });
      order.onAct(`made an invite for ${role === 'observer' ? 'an observer' : 'a site'}`);
      const facts = inviteFacts(link);
      return { link, ...facts, reach: ownMachineOnly(facts.url) };
    },
    async 'invites/withdraw'(_ask, body) {
      if (!(await acts.withdrawInvite(decoded(withdrawInviteSchema, body).id))) throw hubFault.inviteNotOpen();
      order.onAct('withdrew an invite');
      return {};
    },
    async 'members/end'(_ask, body) {
      const { site, ...end } = decoded(endMembershipSchema, body);
      const { kind, because } = end;
      if (!(await acts.endMembership(site, end))) throw hubFault.unknownMember(site);
      order.onAct(`${kind} ${site}: ${because}`);
      return {};
    },
    'project/check': (_ask, body) => projectDesk.check(decoded(draftSchema, body).draft),
    async 'project/propose'(_ask, body) {
      const { id } = await projectDesk.propose(decoded(draftSchema, body).draft);
      order.onAct(`proposed the project ${id}`);
      return {};
    },
    async 'project/retire'(_ask, body) {
      const { because } = decoded(retireProjectSchema, body);
      await projectDesk.retire(because);
      order.onAct(`retired the project: ${because}`);
      return {};
    },
  };

  const answerApi = async (request: IncomingMessage, response: ServerResponse, name: string): Promise<void> => {
    const token = tokenOf(request, cookieName);
    const session = token === null ? null : await signIn.sessionOf(token);
    if (request.method === 'GET' && name === 'session')
      return sendJson(response, 200, await sessionView(session, request));
    if (request.method === 'POST') checkOwnPage(request, publicHost);
    if (request.method === 'POST' && name === 'sign-in') {
      const given = decoded(signInSchema, await bodyOf(request, bodyBytes));
      const opened = await ('code' in given ? signIn.byLink(given.code) : signIn.byPassphrase(given.passphrase));
      order.onAct(`signed in by ${'code' in given ? 'link' : 'passphrase'}`);
      response.setHeader('set-cookie', cookie(opened, consoleLimits.sessionMs / 1_000));
      return sendJson(response, 200, await sessionView(await signIn.sessionOf(opened), request));
    }
    if (session === null || token === null) throw hubFault.notSignedIn();
    const ask = { request, response, token, session };
    const version = /^trunk\/(\d{1,7})$/.exec(name)?.[1];
    if (request.method === 'GET' && version !== undefined) return sendTrunk(ask, Number(version));
    const read = request.method === 'GET' && Object.hasOwn(reads, name) ? reads[name] : undefined;
    if (read !== undefined) {
      const view = await read(ask);
      return view === null ? undefined : sendJson(response, 200, view);
    }
    const write = request.method === 'POST' && Object.hasOwn(writes, name) ? writes[name] : undefined;
    if (write === undefined) return sendJson(response, 404, { status: 'not found' });
    if (session.role !== 'coordinator' && name !== 'sign-out') throw hubFault.observerActs();
    sendJson(
      response,
      200,
      await write(ask, await bodyOf(request, name.startsWith('project/') ? projectBytes : bodyBytes)),
    );
  };

  const sendTrunk = async ({ response, session }: Ask, version: number): Promise<void> => {
    const current = await store.current();
    const hash = current === null ? null : await store.trunkBlob(current.projectHash, version);
    const file = hash === null ? null : blobs.file(hash);
    if (current === null || hash === null || file === null) throw hubFault.unknownVersion(version);
    const bytes = blobs.size(hash) ?? 0;
    await order.ledger.append('trunk-sent', { to: `console (${session.role})`, blob: hash, bytes, version });
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': bytes,
      'content-disposition': `attachment; filename="${current.project.id}-trunk-${version}.safetensors"`,
      'cache-control': 'no-store',
    });
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response);
  };

  return async (request, response, path) => {
    if (path === '/' || path === root) {
      response.writeHead(302, { location: `${root}/` });
      response.end();
      return true;
    }
    if (!path.startsWith(`${root}/`)) return false;
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    if (path.startsWith(apiRoot)) {
      try {
        await answerApi(request, response, path.slice(apiRoot.length));
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown;
        sendJson(response, statusOf(thrown), { fault: thrown.toValue() });
      }
      return true;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    return pages.send(response, path === `${root}/` ? 'index.html' : path.slice(root.length + 1));
  };
}

/** @throws Fault 536 for a request that did not come from the console's own page. */
function checkOwnPage(request: IncomingMessage, publicHost: string): void {
  const { origin, host } = request.headers;
  const from = origin !== undefined && URL.canParse(origin) ? new URL(origin).host : null;
  const isOwn = origin === undefined || (from !== null && (from === host || from === publicHost));
  if (!isOwn || request.headers[provingHeader] === undefined) throw hubFault.foreignPage();
}

/** By an address of this machine, and not through a proxy on it: who can read this path could look it up. */
function isFromOwnMachine({ headers, socket }: IncomingMessage): boolean {
  const isForwarded = Object.keys(headers).some((name) => name.startsWith('x-forwarded') || name === 'forwarded');
  const isOwnAddress = ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(socket.remoteAddress ?? '');
  const address = `http://${headers.host ?? ''}`;
  const isOwnName = URL.canParse(address) && isLoopback(new URL(address));
  return !isForwarded && isOwnAddress && isOwnName;
}

function tokenOf(request: IncomingMessage, cookieName: string): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=');
    if (name === cookieName && value !== undefined && value !== '') return value;
  }
  return null;
}

/** @throws Fault 534 for one that is too large or no JSON. */
async function bodyOf(request: IncomingMessage, mostBytes: number): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > mostBytes) throw hubFault.unusableRequest('it is too large');
    parts.push(part);
  }
  return parseJson(Buffer.concat(parts).toString('utf8'));
}

function decoded<Value>(schema: z.ZodType<Value>, body: unknown): Value {
  const value = schema.safeParse(body);
  if (value.success) return value.data;
  throw hubFault.unusableRequest(value.error.issues[0]?.message ?? 'it is incomplete');
}

function statusOf(fault: Fault): number {
  const statuses: Readonly<Record<number, number>> = {
    513: 404,
    527: 404,
    530: 403,
    532: 429,
    533: 401,
    535: 403,
    536: 403,
  };
  return statuses[fault.code] ?? 400;
}
