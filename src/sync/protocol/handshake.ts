// Who is there, on both sides (docs/protocol.md, section 4). Nonces and fresh X25519 keys make it replay-proof without clocks; the
// signatures cover everything said so far, so a proxy that ends the TLS in the middle cannot stand in for either side.
//   site → open · hub → hello (signed) · site → authenticate or enrol (signed) · hub → welcome or refused (sealed)
import { createHash, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { Fault } from '../../contract/fault.ts';
import { type MemberRole, memberRoleSchema } from '../../contract/federation.ts';
import { faultSchema } from '../../contract/fault-schema.ts';
import {
  type DeviceKeys,
  fingerprintOf,
  isSignatureOf,
  publicKeyObject,
  publicKeySchema,
  rawPublicKey,
  signatureOf,
} from './device-keys.ts';
import { wireFault } from './faults.ts';
import type { FrameQueue } from './frame-queue.ts';
import { wireFeature, wireFeatures, wireLimits } from './limits.ts';
import { createMessageSeal, type MessageSeal, type SessionKeys } from './message-seal.ts';
import { decodeMessage } from './messages.ts';
import { open as openSealed, seal } from './sealed-model.ts';
import { signedSchema, type Signed } from './statement.ts';

const nonceSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const openSchema = z.object({ kind: z.literal('open'), nonce: nonceSchema, ephemeralKey: publicKeySchema });
const signedMessage = <K extends string>(kind: K) => signedSchema.extend({ kind: z.literal(kind) });
const helloSchema = signedMessage('hello');
const authenticateSchema = signedMessage('authenticate');

const helloStatementSchema = z.object({
  hubKey: publicKeySchema,
  nonce: nonceSchema,
  ephemeralKey: publicKeySchema,
  federation: z.string().max(100),
  blobBytes: z.number().int().min(1),
  features: z.array(z.string().max(60)).max(100).default([]),
  /** The hub's clock, for a warning only: nothing depends on it. */
  time: z.string().max(40),
});
export type Hello = z.infer<typeof helloStatementSchema>;

const requestSchema = z.object({
  card: signedSchema,
  /** The invite's code, sealed to this session: present when the site asks to be enrolled. */
  sealedCode: z.string().max(1_000).nullable().default(null),
  lastModelSequence: z.number().int().min(0).default(0),
  application: z.string().max(60).default(''),
  /** Where the site says that its peers reach it. */
  address: signedSchema.nullable().default(null),
  /** On a line between sites: the certificate of membership of the one that dials. */
  membership: signedSchema.nullable().default(null),
  features: z.array(z.string().max(60)).max(100).default([]),
});

const outcomeSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('welcome'),
    federation: z.string().max(100),
    role: memberRoleSchema.default('site'),
    /** A certificate of membership: from a hub that of the device it welcomes, from a site that listens its own. */
    membership: signedSchema.nullable().default(null),
  }),
  z.object({ kind: z.literal('refused'), fault: faultSchema }),
]);

/** What the hub's admission decides on. The card's own signature is still to be checked. */
export interface AdmissionRequest {
  readonly card: Signed;
  readonly publicKey: string;
  readonly inviteCode: string | null;
  readonly lastModelSequence: number;
  /** An `address` statement; its signature is still to be checked. */
  readonly address: Signed | null;
}

/** What a site that listens decides on, of a peer. */
export interface PeerRequest extends AdmissionRequest {
  /** A `membership` statement; still to be checked. */
  readonly membership: Signed | null;
}

/** The hub's own word, sealed by the hub that the invite names: the only fault that may end a membership. */
export class HubRefusal extends Fault {}

/**
 * The site's half. @throws `wrongHub`'s Fault when the hub has another key, HubRefusal with the hub's own fault when it refuses.
 */
export async function greetHub(order: {
  readonly socket: WebSocket;
  readonly frames: FrameQueue;
  readonly keys: DeviceKeys;
  readonly card: Signed;
  readonly hubFingerprint: string;
  readonly inviteCode: string | null;
  readonly lastModelSequence: number;
  readonly address: Signed | null;
  /** This site's certificate of membership, shown to a peer that knows certificates; a hub is shown none. */
  readonly membership?: Signed | null;
  readonly wrongHub: () => Fault;
}): Promise<{
  readonly seal: MessageSeal;
  readonly hello: Hello;
  readonly role: MemberRole;
  /** As the other end gave it: still to be checked. */
  readonly membership: Signed | null;
}> {
  const { socket, frames, keys } = order;
  const ephemeral = generateKeyPairSync('x25519').privateKey;
  const openText = JSON.stringify({ kind: 'open', nonce: nonce(), ephemeralKey: rawPublicKey(ephemeral) });
  socket.send(openText);

  const helloText = await frames.nextText(wireLimits.handshakeMs);
  const helloMessage = decodeMessage(helloSchema, helloText);
  const hello = decodeMessage(helloStatementSchema, helloMessage.statement);
  if (fingerprintOf(hello.hubKey) !== order.hubFingerprint) throw order.wrongHub();
  if (!isSignatureOf(transcript('hello', [openText], helloMessage.statement), helloMessage.signature, hello.hubKey)) {
    throw order.wrongHub();
  }
  const session = sessionKeys(ephemeral, hello.ephemeralKey, openText, helloText);
  const statement = JSON.stringify({
    card: order.card,
    sealedCode: order.inviteCode === null ? null : sealCode(order.inviteCode, session),
    lastModelSequence: order.lastModelSequence,
    application: 'imagiq',
    address: order.address,
    features: wireFeatures,
    ...(order.membership && knowsCertificates(hello) && { membership: order.membership }),
  });
  const signature = signatureOf(transcript('authenticate', [openText, helloText], statement), keys.signingKey);
  socket.send(JSON.stringify({ kind: 'authenticate', statement, signature }));

  const messageSeal = createMessageSeal(session.siteToHub, session.hubToSite);
  const outcome = decodeMessage(outcomeSchema, messageSeal.open(await frames.nextText(wireLimits.handshakeMs)));
  if (outcome.kind === 'refused') throw new HubRefusal(outcome.fault);
  // What an end that does not name them says of certificates is none.
  const membership = knowsCertificates(hello) ? outcome.membership : null;
  return { seal: messageSeal, hello, role: outcome.role, membership };
}

const knowsCertificates = ({ features }: { readonly features: readonly string[] }): boolean =>
  features.includes(wireFeature.certificates);

/**
 * The hub's half: `admit` decides, and a fault that it throws is told to the site before it is thrown on.
 */
export async function greetSite<M>(order: {
  readonly socket: WebSocket;
  readonly frames: FrameQueue;
  readonly keys: DeviceKeys;
  readonly federation: string;
  readonly blobBytes: number;
  readonly time: string;
  /** What the member may do; a site's all without. */
  readonly roleOf?: (member: M) => MemberRole;
  readonly admit: (request: PeerRequest) => M | Promise<M>;
  /** The certificate of membership in the welcome; none without. */
  readonly membershipFor?: (member: M) => Signed | null;
}): Promise<{
  readonly seal: MessageSeal;
  readonly member: M;
  readonly lastModelSequence: number;
  readonly features: readonly string[];
  /** As a peer showed it. */
  readonly membership: Signed | null;
}> {
  const { socket, frames, keys } = order;
  const openText = await frames.nextText(wireLimits.handshakeMs);
  const opened = decodeMessage(openSchema, openText);
  const ephemeral = generateKeyPairSync('x25519').privateKey;
  const hello: Hello = {
    hubKey: keys.publicKey,
    nonce: nonce(),
    ephemeralKey: rawPublicKey(ephemeral),
    federation: order.federation,
    blobBytes: order.blobBytes,
    features: [...wireFeatures],
    time: order.time,
  };
  const helloStatement = JSON.stringify(hello);
  const helloSignature = signatureOf(transcript('hello', [openText], helloStatement), keys.signingKey);
  const helloText = JSON.stringify({ kind: 'hello', statement: helloStatement, signature: helloSignature });
  socket.send(helloText);

  const message = decodeMessage(authenticateSchema, await frames.nextText(wireLimits.handshakeMs));
  const request = decodeMessage(requestSchema, message.statement);
  const session = sessionKeys(ephemeral, opened.ephemeralKey, openText, helloText);
  const messageSeal = createMessageSeal(session.hubToSite, session.siteToHub);
  const publicKey = publicKeyOfCard(request.card);
  try {
    const signed = transcript('authenticate', [openText, helloText], message.statement);
    if (!isSignatureOf(signed, message.signature, publicKey)) throw wireFault.badSignature('site');
    const inviteCode = request.sealedCode === null ? null : openCode(request.sealedCode, session);
    const member = await order.admit({
      card: request.card,
      publicKey,
      inviteCode,
      lastModelSequence: request.lastModelSequence,
      address: request.address,
      membership: request.membership,
    });
    const membership = knowsCertificates(request) ? (order.membershipFor?.(member) ?? null) : null;
    const role = order.roleOf?.(member) ?? 'site';
    const welcome = { kind: 'welcome', federation: order.federation, role, ...(membership && { membership }) };
    socket.send(messageSeal.seal(JSON.stringify(welcome)));
    const { lastModelSequence, features } = request;
    return { seal: messageSeal, member, lastModelSequence, features, membership: request.membership };
  } catch (thrown) {
    if (thrown instanceof Fault) {
      socket.send(messageSeal.seal(JSON.stringify({ kind: 'refused', fault: thrown.toValue() })));
    }
    throw thrown;
  }
}

/** The key that the site claims; its signature over the transcript proves it. */
function publicKeyOfCard(card: Signed): string {
  return decodeMessage(z.object({ publicKey: publicKeySchema }), card.statement).publicKey;
}

/** Everything said so far and the statement, for one purpose. */
function transcript(purpose: 'hello' | 'authenticate', said: readonly string[], statement: string): Uint8Array {
  return Buffer.from(`imagiq.sync.v1 ${purpose}\n${said.map(hashOf).join('\n')}\n${statement}`);
}

function sessionKeys(ephemeral: KeyObject, otherKey: string, openText: string, helloText: string): SessionKeys {
  const shared = diffieHellman({ privateKey: ephemeral, publicKey: publicKeyObject('X25519', otherKey) });
  const salt = Buffer.from(hashOf(openText + helloText), 'hex');
  const key = (direction: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', shared, salt, `imagiq.sync.v1 ${direction}`, 32));
  return { siteToHub: key('site to hub'), hubToSite: key('hub to site') };
}

const codeContext = 'imagiq.sync.v1 invite code';
const sealCode = (code: string, session: SessionKeys): string =>
  Buffer.from(seal(Buffer.from(code), session.siteToHub, codeContext)).toString('base64url');
const openCode = (sealed: string, session: SessionKeys): string =>
  Buffer.from(openSealed(Buffer.from(sealed, 'base64url'), session.siteToHub, codeContext)).toString('utf8');

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const nonce = (): string => randomBytes(32).toString('base64url');
