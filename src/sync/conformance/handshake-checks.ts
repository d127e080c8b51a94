// Sections 1 to 4 of docs/protocol.md, tried on a hub: the connection and who is there.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { z } from 'zod';
import { closeCodes } from '../protocol/channel.ts';
import { createDeviceKeys, fingerprintOf, rawPublicKey } from '../protocol/device-keys.ts';
import { wireLimits, wireVersion } from '../protocol/limits.ts';
import { parseJson, signStatement } from '../protocol/statement.ts';
import { type Check, must, Nonconformity, inTime } from './check.ts';
import { type HubUnderTest, testSite } from './hub-under-test.ts';
import { isRefusal, openLine, openSocket, type OpenSocket } from './test-line.ts';

const helloSchema = z.object({ kind: z.literal('hello'), statement: z.string(), signature: z.string() });
const helloStatementSchema = z.object({ hubKey: z.string(), nonce: z.string(), ephemeralKey: z.string() });

export const handshakeChecks: readonly Check<HubUnderTest>[] = [
  {
    section: '1.2',
    must: 'answer an upgrade that offers no known version with 426, and name its own',
    async tried({ invite }) {
      const { status, body } = await inTime('An answer to the upgrade', upgradeAnswer(invite.url, 'imagiq.sync.v0'));
      must(status === 426, `It answered ${status}.`);
      must(body.includes(wireVersion), `It did not name ${wireVersion}.`);
    },
  },
  {
    section: '1.3',
    must: 'leave permessage-deflate off where a site offers it',
    async tried({ invite }) {
      const { socket } = await openSocket(invite.url);
      const { extensions } = socket;
      socket.terminate();
      must(extensions === '', `It took up ${extensions}.`);
    },
  },
  {
    section: '1.3',
    must: 'end a connection that sends more than 64 KiB in one frame before its welcome',
    async tried({ invite }) {
      await endsOn(await openSocket(invite.url), ({ socket }) =>
        socket.send(JSON.stringify({ ...openMessage(), filling: 'x'.repeat(wireLimits.handshakeFrameBytes) })),
      );
    },
  },
  {
    section: '1.6',
    must: 'close with 4000 on what is no handshake',
    async tried({ invite }) {
      for (const nothing of ['hello', '{}', '{"kind":"open"}', randomBytes(100)]) {
        const open = await openSocket(invite.url);
        const { code } = await endsOn(open, ({ socket }) => socket.send(nothing));
        must(code === closeCodes.malformed, `It closed with ${code} on ${JSON.stringify(nothing).slice(0, 40)}.`);
      }
    },
  },
  {
    section: '4.2',
    must: 'prove the key that the invite names, with a new nonce and a new key for each connection',
    async tried({ invite }) {
      const [first, second] = [await helloOf(invite.url), await helloOf(invite.url)];
      must(fingerprintOf(first.hubKey) === invite.hubFingerprint, 'Its key is not the one of the invite.');
      must(Buffer.from(first.nonce, 'base64url').length === 32, 'Its nonce has not 32 bytes.');
      must(first.nonce !== second.nonce, 'It used a nonce twice.');
      must(first.ephemeralKey !== second.ephemeralKey, 'It used an X25519 key for two connections.');
    },
  },
  {
    section: '4.3',
    must: 'refuse who does not prove the key of its card',
    async tried({ invite, keys }) {
      const stranger = createDeviceKeys();
      const forged = { ...keys, signingKey: stranger.signingKey };
      await isRefused(
        'A card with the signature of another key',
        openLine(invite, forged, { site: testSite, code: invite.code }),
      );
    },
  },
  {
    section: '4.7',
    must: 'refuse a code that is none of its invites',
    async tried({ invite }) {
      const code = randomBytes(Buffer.from(invite.code, 'base64url').length || 16).toString('base64url');
      await isRefused('An invented code', openLine(invite, createDeviceKeys(), { site: testSite, code }));
    },
  },
  {
    section: '4.4',
    must: 'welcome the device that brings the invite',
    async tried(hub) {
      await hub.asMember(async ({ role }) => must(role !== undefined, 'Its welcome names no role.'));
    },
  },
  {
    section: '4.7',
    must: 'refuse another device that brings the same invite, and take the first one with it again',
    async tried({ invite, keys }) {
      const site = testSite;
      await isRefused('A second device', openLine(invite, createDeviceKeys(), { site, code: invite.code }));
      await (await openLine(invite, keys, { site, code: invite.code })).close();
    },
  },
  {
    section: '4.4',
    must: 'refuse a device that is no member and brings no invite',
    async tried({ invite }) {
      await isRefused('A stranger', openLine(invite, createDeviceKeys(), { site: testSite, code: null }));
    },
  },
  {
    section: '4.3',
    must: 'refuse an answer that was made for another connection',
    async tried({ invite, keys }) {
      const { socket, frames, closed } = await openSocket(invite.url);
      const { publicKey, boxPublicKey } = keys;
      socket.send(JSON.stringify(openMessage()));
      await frames.nextText(wireLimits.handshakeMs);
      const card = signStatement('site-card', { site: testSite, publicKey, boxPublicKey }, keys);
      // Signed by the device itself, but over nothing that was said here.
      socket.send(
        JSON.stringify({ kind: 'authenticate', statement: JSON.stringify({ card }), signature: card.signature }),
      );
      const { code } = await inTime('The end of the connection', closed);
      must(code === closeCodes.refused || code === closeCodes.malformed, `It closed with ${code}.`);
    },
  },
];

const openMessage = (): object => ({
  kind: 'open',
  nonce: randomBytes(32).toString('base64url'),
  ephemeralKey: rawPublicKey(generateKeyPairSync('x25519').privateKey),
});

async function helloOf(url: string): Promise<z.infer<typeof helloStatementSchema>> {
  const { socket, frames } = await openSocket(url);
  try {
    socket.send(JSON.stringify(openMessage()));
    const hello = helloSchema.safeParse(parseJson(await frames.nextText(wireLimits.handshakeMs)));
    const statement = helloStatementSchema.safeParse(parseJson(hello.data?.statement ?? ''));
    if (!statement.success) throw new Nonconformity('It did not answer `open` with `hello`.');
    return statement.data;
  } finally {
    socket.terminate();
  }
}

async function endsOn(open: OpenSocket, act: (open: OpenSocket) => void): Promise<{ readonly code: number }> {
  act(open);
  try {
    return await inTime('The end of the connection', open.closed);
  } finally {
    open.socket.terminate();
  }
}

async function isRefused(who: string, greeting: Promise<{ close(): Promise<void> }>): Promise<void> {
  const line = await greeting.catch((thrown: unknown) => {
    if (isRefusal(thrown)) return null;
    throw thrown;
  });
  if (line === null) return;
  await line.close();
  throw new Nonconformity(`${who} was let in.`);
}

function upgradeAnswer(address: string, version: string): Promise<{ readonly status: number; readonly body: string }> {
  const url = new URL(address);
  const get = url.protocol === 'wss:' ? getSecure : getPlain;
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-protocol': version,
  };
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => {
        body = (body + piece).slice(0, 1_000);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    request.once('upgrade', (_answer, socket) => {
      socket.destroy();
      resolve({ status: 101, body: '' });
    });
    request.once('error', reject);
  });
}
