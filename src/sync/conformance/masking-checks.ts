// Section 10 of docs/protocol.md, tried on a hub whose project has secure aggregation: what it must not take. An offer that it would take
// is not made, since the buffer of others that it came into would be given up.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createDeviceKeys, rawPublicKey } from '../protocol/device-keys.ts';
import { type Signed, signStatement, type StatementOf } from '../protocol/statement.ts';
import { type Check, must, NotTried } from './check.ts';
import type { HubUnderTest } from './hub-under-test.ts';
import { announced, type Announced, updateOf } from './project-checks.ts';

const maskKey = (): string => rawPublicKey(generateKeyPairSync('x25519').privateKey);

function offerOf(
  { project, projectHash, trunk }: Announced,
  changes: Partial<StatementOf<'masked-offer'>>,
): StatementOf<'masked-offer'> {
  return {
    project: project.id,
    projectHash,
    baseVersion: trunk.version,
    base: trunk.blob,
    examples: 10,
    datasetFingerprint: '0'.repeat(64),
    idempotencyKey: randomBytes(32).toString('hex'),
    maskKey: maskKey(),
    shareKey: maskKey(),
    ...changes,
  };
}

type Asked = { readonly kind: string } & Readonly<Record<string, unknown>>;

const refuses = (
  section: string,
  what: string,
  code: number,
  asked: (about: Announced, hub: HubUnderTest) => Asked,
): Check<HubUnderTest> => ({
  section,
  must: `refuse ${what} with ${code}`,
  tried: (hub) =>
    hub.asMember(async (line) => {
      const about = await announced(line);
      if ((about.project.secureAggregation ?? null) === null)
        throw new NotTried('Its project has no secure aggregation.');
      const answer = await line.ask(asked(about, hub));
      must(answer.kind === 'refused', `It answered ${answer.kind}.`);
      must(answer.fault.code === code, `It refused with ${answer.fault.code}: ${answer.fault.message}`);
    }),
});

const offered = (offer: Signed): Asked => ({ kind: 'masked-update-offered', offer });

export const maskingChecks: readonly Check<HubUnderTest>[] = [
  refuses('10', 'an update that lies open', 582, (about, { keys }) => ({
    kind: 'update-offered',
    update: signStatement('update', updateOf(about), keys),
  })),
  refuses('10.2', 'a masked offer that another device signed', 403, (about) =>
    offered(signStatement('masked-offer', offerOf(about, {}), createDeviceKeys())),
  ),
  refuses('10.2', 'a masked offer for another project', 511, (about, { keys }) =>
    offered(signStatement('masked-offer', offerOf(about, { projectHash: '0'.repeat(64) }), keys)),
  ),
  refuses('10.2', 'a masked offer from a trunk version that does not exist', 513, (about, { keys }) =>
    offered(signStatement('masked-offer', offerOf(about, { baseVersion: about.trunk.version + 1_000 }), keys)),
  ),
  refuses('10.9', 'a masked update for a buffer that is not open', 580, (_, { keys }) => {
    const [buffer, blob] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    return { kind: 'masked-update-sent', update: signStatement('masked-update', { buffer, blob, bytes: 1_000 }, keys) };
  }),
  refuses('10.9', 'shares of masks for a buffer that is not open', 580, (_, { keys }) => {
    const dealt = { buffer: randomBytes(32).toString('hex'), seedHash: '0'.repeat(64), shares: [] };
    return { kind: 'mask-shares-dealt', shares: signStatement('mask-shares', dealt, keys) };
  }),
];
