// Sections 1, 4, 5 and 9 of docs/protocol.md, tried on a site that calls at the kit as if it were its hub. In this order: each check
// leaves the site as the next one needs it, calling again.
import { randomBytes } from 'node:crypto';
import { Fault } from '../../contract/fault.ts';
import { createDeviceKeys } from '../protocol/device-keys.ts';
import { closeCodes } from '../protocol/channel.ts';
import type { Member } from '../protocol/messages.ts';
import { parseJson, readSiteCard } from '../protocol/statement.ts';
import { type Check, must, Nonconformity, inTime } from './check.ts';
import type { SiteLine, SiteUnderTest } from './site-under-test.ts';

/** That a site does not come back is seen once it has not for so long: far longer than its first try takes (1.5). */
const staysAwayMs = 10_000;

const nonceOf = ({ openText }: SiteLine): unknown => (parseJson(openText) as { nonce?: unknown }).nonce;
const keyOf = ({ openText }: SiteLine): unknown => (parseJson(openText) as { ephemeralKey?: unknown }).ephemeralKey;

/** @param others members beside the site */
export async function welcomed(site: SiteUnderTest, others: readonly Member[] = []): Promise<SiteLine> {
  const line = await (await site.nextCall()).greet();
  line.say({ kind: 'project-announced', project: null, trunk: null, isFinished: false });
  line.say({ kind: 'members-changed', members: [member(line), ...others] });
  return line;
}

const member = ({ request }: SiteLine) => ({ card: request.card, online: true, updates: 0, lastSeen: null });

/** It still answers, so it took what was said before. */
async function isThere({ socket, closed, broken }: SiteLine): Promise<void> {
  const word = randomBytes(8);
  const pong = new Promise<Buffer>((resolve) => socket.once('pong', resolve));
  socket.ping(word);
  const ended = closed.then(() => {
    throw new Nonconformity('It ended the connection.');
  });
  must((await inTime('A pong', Promise.race([pong, ended]))).equals(word), 'The pong has other bytes.');
  const said = broken();
  if (said !== null) throw new Nonconformity(`It said what cannot be read: ${said.message}`);
}

export const siteChecks: readonly Check<SiteUnderTest>[] = [
  {
    section: '4.3',
    must: 'prove the key of a card that it signed itself, and bring the invite’s code sealed',
    async tried(site) {
      const { request, socket } = await welcomed(site);
      must(readSiteCard(request.card).publicKey === request.publicKey, 'Its card is of another key.');
      must(request.inviteCode === site.code, 'It did not bring the code of the invite.');
      socket.terminate();
    },
  },
  {
    section: '1.5',
    must: 'come again after a cut, with a new nonce and a new key',
    async tried(site) {
      const first = await welcomed(site);
      first.socket.terminate();
      const second = await welcomed(site);
      must(nonceOf(first) !== nonceOf(second), 'It used a nonce twice.');
      must(keyOf(first) !== keyOf(second), 'It used an X25519 key for two connections.');
      second.socket.terminate();
    },
  },
  {
    section: '1.4',
    must: 'answer a ping with its bytes, and say nothing that cannot be read',
    async tried(site) {
      const line = await welcomed(site);
      await isThere(line);
      line.socket.terminate();
    },
  },
  {
    section: '5.3',
    must: 'ignore fields that it does not know',
    async tried(site) {
      const line = await welcomed(site);
      const news = {
        kind: 'members-updated',
        changed: [{ ...member(line), ofLaterVersions: {} }],
        gone: [],
        more: [1],
      };
      line.socket.send(line.sealed(news));
      await isThere(line);
      line.socket.terminate();
    },
  },
  {
    section: '5.3',
    must: 'end the connection on a kind that it does not know, and come again',
    async tried(site) {
      const line = await welcomed(site);
      line.socket.send(line.sealed({ kind: 'of-later-versions' }));
      await inTime('The end after an unknown kind', line.closed);
    },
  },
  {
    section: '5.1',
    must: 'end a connection whose message has a wrong HMAC or was said before, and come again',
    async tried(site) {
      const news = { kind: 'members-updated', changed: [], gone: [] };
      const first = await welcomed(site);
      const text = first.sealed(news);
      first.socket.send((text.startsWith('A') ? 'B' : 'A') + text.slice(1));
      await inTime('The end after a wrong HMAC', first.closed);
      const second = await welcomed(site);
      const again = second.sealed(news);
      second.socket.send(again);
      second.socket.send(again);
      await inTime('The end after a message that was said before', second.closed);
    },
  },
  {
    section: '4.2',
    must: 'not say who it is to a hub that proves another key than the invite’s, and come again',
    async tried(site) {
      const call = await site.nextCall();
      let hasSaid = false;
      await call
        .greet({
          keys: createDeviceKeys(),
          admit: () => {
            hasSaid = true;
          },
        })
        // It ends the line without a word, as it must: that is what is looked for.
        .catch(() => {});
      call.socket.terminate();
      must(!hasSaid, 'It said who it is.');
    },
  },
  {
    section: '9.3',
    must: 'come again after a refusal that says `later`, and after a hub that goes away',
    async tried(site) {
      const call = await site.nextCall();
      const full = new Fault({ code: 548, message: 'Come again later.', retry: 'later' });
      await call
        .greet({
          admit: () => {
            throw full;
          },
        })
        .catch((thrown: unknown) => {
          if (thrown !== full) throw thrown;
        });
      call.socket.close(closeCodes.refused, 'refused');
      const line = await welcomed(site);
      line.socket.close(closeCodes.goingAway, 'going away');
      await inTime('The end of the connection', line.closed);
      (await welcomed(site)).socket.terminate();
    },
  },
];

/** The site is a member no more afterwards. */
export const lastSiteCheck: Check<SiteUnderTest> = {
  section: '9.3',
  must: 'come no more after a refusal of its handshake that says `never`',
  async tried(site) {
    const call = await site.nextCall();
    const ended = new Fault({
      code: 505,
      message: 'This device was revoked by the conformance test.',
      retry: 'never',
    });
    await call
      .greet({
        admit: () => {
          throw ended;
        },
      })
      .catch((thrown: unknown) => {
        if (thrown !== ended) throw thrown;
      });
    call.socket.close(closeCodes.refused, 'refused');
    must(!(await site.calls(staysAwayMs)), 'It came again.');
  },
};
