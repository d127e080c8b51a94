// imagiq://join/…: everything a site needs to find the hub, to know it again, and to be let in once.
import { inviteSchema, inviteTextPattern, type Invite } from '../../contract/federation.ts';
import { wireFault } from './faults.ts';
import { parseJson } from './statement.ts';

const prefix = 'imagiq://join/';

export function formatInvite(invite: Invite): string {
  return prefix + Buffer.from(JSON.stringify(invite)).toString('base64url');
}

/** Blanks and line breaks, as a mail puts them in, are no part of it. @throws Fault 412 when the text is not an invite, or leads to a hub without encryption outside this machine. */
export function parseInvite(text: string): Invite {
  const trimmed = text.replaceAll(/\s+/g, '');
  if (!inviteTextPattern.test(trimmed)) throw wireFault.badInvite('it does not have the form imagiq://join/…');
  const decoded = Buffer.from(trimmed.slice(prefix.length), 'base64url').toString('utf8');
  const invite = inviteSchema.safeParse(parseJson(decoded));
  if (!invite.success) throw wireFault.badInvite('it is cut off or changed');
  let url: URL;
  try {
    url = new URL(invite.data.url);
  } catch {
    throw wireFault.badInvite("the hub's address in it is not an address");
  }
  if (url.protocol !== 'wss:' && !(url.protocol === 'ws:' && isLoopback(url))) {
    throw wireFault.badInvite(`the hub's address ${url.protocol}//${url.host} is not encrypted (wss://)`);
  }
  return invite.data;
}

/** Whether an address is this machine's own. */
export const isLoopback = ({ hostname }: URL): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
