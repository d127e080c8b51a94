// imagiq://join/…: everything a site needs to find the hub, to know it again, and to be let in once.
import { inviteSchema, inviteTextPattern, type Invite } from '../../contract/invite.ts';
import { wireFault } from './faults.ts';
import { parseJson } from './statement.ts';

const prefix = 'imagiq://join/';
/** Of a link with its line breaks: as `inviteTextPattern` allows, and some. */
const mostCharacters = 5_000;

/** One line, without blanks. */
export function formatInvite(invite: Invite): string {
  return prefix + Buffer.from(JSON.stringify(invite)).toString('base64url');
}

/** Text may stand around it, and blanks and line breaks in it, as a mail puts them. @throws Fault 412 when the text holds no invite, or leads to a hub without encryption outside this machine. */
export function parseInvite(text: string): Invite {
  const links = linksIn(text);
  if (links.length === 0) throw wireFault.badInvite('it does not have the form imagiq://join/…');
  const invite = links.map((link) => inviteSchema.safeParse(parseJson(decoded(link)))).find(({ success }) => success);
  if (invite?.data === undefined) throw wireFault.badInvite('it is cut off or changed');
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

const decoded = (link: string): string => Buffer.from(link.slice(prefix.length), 'base64url').toString('utf8');

/** What may be meant: all of the text, or what follows the link's beginning, over as many blanks as it takes. */
function linksIn(text: string): string[] {
  const links = [text.replaceAll(/\s+/g, '')];
  const start = text.indexOf(prefix);
  if (start !== -1) {
    let link = prefix;
    for (const word of text.slice(start + prefix.length, start + mostCharacters).split(/\s+/)) {
      const [ofLink] = /^[A-Za-z0-9_-]*/.exec(word)!;
      link += ofLink;
      links.push(link);
      // A bracket or a full stop ends it.
      if (ofLink.length < word.length) break;
    }
  }
  return links.filter((link) => inviteTextPattern.test(link));
}

/** Whether an address is this machine's own. */
export const isLoopback = ({ hostname }: URL): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
