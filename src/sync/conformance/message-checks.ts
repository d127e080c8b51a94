// Sections 1, 5, 7.1, 9, 11 to 13 of docs/protocol.md, tried on a hub as a member.
import { randomBytes } from 'node:crypto';
import { createDeviceKeys, type DeviceKeys, fingerprintOf } from '../protocol/device-keys.ts';
import { closeCodes } from '../protocol/channel.ts';
import { wireFeature, wireLimits } from '../protocol/limits.ts';
import { readSiteCard, readStatement, type Signed, signStatement } from '../protocol/statement.ts';
import { type Check, must, NotTried, inTime } from './check.ts';
import { type HubUnderTest, testSite } from './hub-under-test.ts';
import { isRefusal, openLine } from './test-line.ts';

/** A question that a hub answers in any state, with a refusal: nobody has a blob of this name. */
const unknownBlob = (): object => ({
  kind: 'get-begin',
  hash: randomBytes(32).toString('hex'),
  offset: 0,
  transfer: randomBytes(16).toString('hex'),
});

export const messageChecks: readonly Check<HubUnderTest>[] = [
  {
    section: '7.1',
    must: 'tell a member all members with their own signed cards, and the project, once it is welcome',
    tried: (hub) =>
      hub.asMember(async (line) => {
        const { members } = await line.heard('members-changed');
        const keys = members.map(({ card }) => readSiteCard(card).publicKey);
        must(keys.includes(hub.keys.publicKey), 'The device itself is not among the members.');
        must(new Set(keys).size === keys.length, 'It names a member twice.');
        await line.heard('project-announced');
      }),
  },
  {
    section: '1.4',
    must: 'answer a ping with its bytes',
    tried: (hub) =>
      hub.asMember(async ({ socket }) => {
        const word = randomBytes(8);
        const pong = new Promise<Buffer>((resolve) => socket.once('pong', resolve));
        socket.ping(word);
        must((await inTime('A pong', pong)).equals(word), 'The pong has other bytes.');
      }),
  },
  {
    section: '5.2',
    must: 'answer a question that it does not grant with `refused` and a fault that says whether to come again',
    tried: (hub) =>
      hub.asMember(async (line) => {
        const answer = await line.ask(unknownBlob());
        must(answer.kind === 'refused', `It answered ${answer.kind} for a blob that nobody has.`);
        must(answer.fault.message !== '', 'Its fault has no words.');
      }),
  },
  {
    section: '5.1',
    must: 'end a connection whose message has a wrong HMAC, one that was said before, or one out of turn',
    async tried(hub) {
      await hub.asMember(async ({ socket, sealed, closed }) => {
        const text = sealed({ ...unknownBlob(), id: 1 });
        socket.send((text.startsWith('A') ? 'B' : 'A') + text.slice(1));
        await inTime('The end after a wrong HMAC', closed);
      });
      await hub.asMember(async ({ socket, sealed, closed }) => {
        const text = sealed({ ...unknownBlob(), id: 1 });
        socket.send(text);
        socket.send(text);
        await inTime('The end after a message that was said before', closed);
      });
      await hub.asMember(async ({ socket, sealed, closed }) => {
        sealed({ ...unknownBlob(), id: 1 });
        socket.send(sealed({ ...unknownBlob(), id: 2 }));
        await inTime('The end after a message out of turn', closed);
      });
    },
  },
  {
    section: '5.3',
    must: 'ignore fields that it does not know, and end the connection with a reason on a kind that it does not know',
    tried: (hub) =>
      hub.asMember(async (line) => {
        const answer = await line.ask({ ...unknownBlob(), ofLaterVersions: [1, { two: null }] });
        must(answer.kind === 'refused', `It answered ${answer.kind} for a blob that nobody has.`);
        line.say({ kind: 'of-later-versions', id: 99 });
        const { reason } = await inTime('The end after an unknown kind', line.closed);
        must(reason !== '', 'It gave no reason.');
      }),
  },
  {
    section: '1.6',
    must: 'close the older of two connections of one device with 4002',
    tried: (hub) =>
      hub.asMember(async ({ closed }) => {
        await hub.asMember(async () => {
          const { code } = await inTime('The end of the older connection', closed);
          must(code === closeCodes.superseded, `It closed with ${code}.`);
        });
      }),
  },
  {
    section: '5.5',
    must: `close with 4003 after more than ${wireLimits.messages.toLocaleString('en')} messages within ${wireLimits.messageWindowMs / 1000} s`,
    tried: (hub) =>
      hub.asMember(async (line) => {
        const begun = performance.now();
        for (let sent = 0; sent <= wireLimits.messages; sent += 1) {
          line.say({ ...unknownBlob(), id: sent + 1 });
          // So that none of them waits for its answer among 256 others, which is flooding too. A line that was closed meanwhile
          // answers no ping: with which code is looked at below.
          if (sent % 100 === 99) await inTime('A pong', ponged(line.socket)).catch(() => {});
        }
        const isQuick = performance.now() - begun < wireLimits.messageWindowMs;
        if (!isQuick) throw new NotTried('Line or machine were too slow to say so many within the time.');
        const { code } = await inTime('The end after so many messages', line.closed);
        must(code === closeCodes.flooding, `It closed with ${code}.`);
      }),
  },
  {
    section: '12.2',
    must: 'countersign the head of the site’s ledger, and sign its own',
    tried: (hub) =>
      hub.asMember(async ({ hello, ask }) => {
        if (!hello.features.includes(wireFeature.ledgerHeads)) throw new NotTried('It does not name `ledger-heads`.');
        const own = { owner: hub.keys.fingerprint, entries: 1, hash: '1'.repeat(64), at: new Date().toISOString() };
        const head = signStatement('ledger-head', own, hub.keys);
        const answer = await ask({ kind: 'heads-exchanged', head, witness: null });
        must(answer.kind === 'heads-witnessed', `It answered ${answer.kind}.`);
        must(answer.witness !== null, 'It gave no witness of the site’s head.');
        const witness = readStatement('ledger-witness', answer.witness, hello.hubKey);
        must(witness.hash === own.hash && witness.entries === 1, 'It countersigned another head.');
        const said = readStatement('ledger-head', answer.head, hello.hubKey);
        must(said.owner === fingerprintOf(hello.hubKey), 'Its head is of another ledger than its own.');
      }),
  },
  {
    section: '11.3',
    must: 'tell a member’s own word on its address beside its card, as it was signed, and nobody else’s',
    async tried(hub) {
      const shown = (address: Signed): Promise<Signed | null> =>
        hub.asMember(
          async (line) => {
            const { members } = await line.heard('members-changed');
            const own = members.find(({ card }) => readSiteCard(card).publicKey === hub.keys.publicKey);
            return own?.address ?? null;
          },
          { address },
        );
      // It listens nowhere: no other member has anything to dial.
      const nowhere = (sequence: number, keys: DeviceKeys): Signed => {
        const { keys: own, invite } = hub;
        const said = { hub: invite.hubFingerprint, device: own.fingerprint, sequence, url: null, certificate: null };
        return signStatement('address', said, keys);
      };
      const own = nowhere(1, hub.keys);
      must((await shown(own))?.statement === own.statement, 'It did not tell it.');
      const forged = nowhere(2, createDeviceKeys());
      must((await shown(forged))?.statement !== forged.statement, 'It told an address that another device signed.');
    },
  },
  {
    section: '13.1',
    must: 'give a certificate of membership for this very device in its welcome',
    tried: (hub) =>
      hub.asMember(async ({ hello, membership }) => {
        if (!hello.features.includes(wireFeature.certificates)) throw new NotTried('It does not name `certificates`.');
        must(membership !== null, 'There is none in its welcome.');
        const said = readStatement('membership', membership, hello.hubKey);
        must(
          said.hub === hub.invite.hubFingerprint && said.device === hub.keys.fingerprint,
          'It is of another device.',
        );
        must(said.expiresAt > said.issuedAt, 'It was over before it began.');
      }),
  },
];

/** The membership is over with it. */
export const lastCheck: Check<HubUnderTest> = {
  section: '9.1',
  must: 'answer `leave` with `left`, close with 4004, and let the device in no more without a new invite',
  async tried(hub) {
    await hub.asMember(async (line) => {
      const answer = await line.ask({ kind: 'leave' });
      must(answer.kind === 'left', `It answered ${answer.kind}.`);
      const { code } = await inTime('The end after leaving', line.closed);
      must(code === closeCodes.left, `It closed with ${code}.`);
    });
    for (const code of [null, hub.invite.code]) {
      const again = await openLine(hub.invite, hub.keys, { site: testSite, code }).catch((thrown: unknown) => {
        if (isRefusal(thrown)) return null;
        throw thrown;
      });
      await again?.close();
      must(again === null, `It let the device in again ${code === null ? 'as a member' : 'with the used invite'}.`);
    }
  },
};

const ponged = (socket: { ping(): void; once(event: 'pong', heard: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => {
    socket.once('pong', resolve);
    socket.ping();
  });
