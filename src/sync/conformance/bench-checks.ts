// Section 8 of docs/protocol.md, tried on a hub: models that it must not take, and one that goes sealed from one device of the kit to the
// other, which a second invite lets in. Nobody else is given a key to it.
import { createHash, randomBytes } from 'node:crypto';
import { createDeviceKeys } from '../protocol/device-keys.ts';
import { sealModel, unwrapKey, wrapKey } from '../protocol/sealed-model.ts';
import { readStatement, signStatement, type StatementOf } from '../protocol/statement.ts';
import { putWhole } from './blob-checks.ts';
import { type Check, must, NotTried } from './check.ts';
import { fetchWhole, newTransfer } from './fetched-blob.ts';
import type { HubUnderTest } from './hub-under-test.ts';
import { announced, type Announced } from './project-checks.ts';
import type { TestLine } from './test-line.ts';

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

type ModelStatement = StatementOf<'model'>;

/** The word of the kit's device on a model whose sealed bytes were never brought, whole but for what `changes` says. */
function modelOf(
  { project, projectHash }: Announced,
  { keys, name }: HubUnderTest,
  changes: Partial<ModelStatement> = {},
): ModelStatement {
  return {
    model: randomBytes(32).toString('hex'),
    project: project.id,
    projectHash,
    author: keys.fingerprint,
    site: name,
    network: project.network.name,
    parents: [],
    branch: 'conformance',
    sequence: 1,
    turn: null,
    definition: null,
    normalisation: null,
    datasetFingerprint: '0'.repeat(64),
    examples: 10,
    metrics: { auc: null, accuracy: null, loss: 1 },
    sealedBlob: randomBytes(32).toString('hex'),
    sealedBytes: 1_000,
    ...changes,
  };
}

const refuses = (
  what: string,
  code: number,
  model: (about: Announced, hub: HubUnderTest) => object,
): Check<HubUnderTest> => ({
  section: '8.3',
  must: `refuse ${what} with ${code}`,
  tried: (hub) =>
    hub.asMember(async (line) => {
      const answer = await line.ask({
        kind: 'model-published',
        model: model(await announced(line), hub),
        envelopes: [],
      });
      must(answer.kind === 'refused', `It answered ${answer.kind}.`);
      must(answer.fault.code === code, `It refused with ${answer.fault.code}: ${answer.fault.message}`);
    }),
});

interface Published {
  readonly statement: ModelStatement;
  readonly contentKey: Uint8Array;
}

/** Brings a sealed model and publishes it for one recipient. */
async function publish(
  line: TestLine,
  hub: HubUnderTest,
  recipient: HubUnderTest['keys'],
  sequence: number,
): Promise<Published> {
  const about = await announced(line);
  const weights = randomBytes(500);
  const model = hashOf(weights);
  const { sealed, contentKey } = sealModel(weights, model);
  const sealedBlob = await putWhole(line, Buffer.from(sealed));
  const statement = modelOf(about, hub, { model, sequence, sealedBlob, sealedBytes: sealed.length });
  const sealedKey = wrapKey(contentKey, recipient.boxPublicKey, model);
  const answer = await line.ask({
    kind: 'model-published',
    model: signStatement('model', statement, hub.keys),
    envelopes: [{ recipient: recipient.fingerprint, sealedKey }],
  });
  must(answer.kind === 'model-relayed', `It answered model-published with ${answer.kind}.`);
  return { statement, contentKey };
}

function secondOf({ second }: HubUnderTest): HubUnderTest {
  if (second === null) throw new NotTried('It takes two members: give a second invite.');
  return second;
}

async function isKeptFrom(line: TestLine, hash: string, whom: string): Promise<void> {
  const answer = await line.ask({ kind: 'get-begin', hash, offset: 0, transfer: newTransfer() });
  must(answer.kind === 'refused', `It gave ${whom} the sealed bytes.`);
}

export const benchChecks: readonly Check<HubUnderTest>[] = [
  refuses('a model that another device signed', 403, (about, hub) =>
    signStatement('model', modelOf(about, hub), createDeviceKeys()),
  ),
  refuses('a model of another project', 511, (about, hub) =>
    signStatement('model', modelOf(about, hub, { projectHash: '0'.repeat(64) }), hub.keys),
  ),
  refuses('a model whose sealed bytes it does not have', 514, (about, hub) =>
    signStatement('model', modelOf(about, hub), hub.keys),
  ),
  {
    section: '8.4',
    must: 'hand a model to the one for whom it is sealed, unchanged, and again only to one that has not got it',
    async tried(hub) {
      const second = secondOf(hub);
      const { keys } = second;
      // It has to be a member before something is sealed for it.
      await second.asMember(async () => {});
      const { statement, contentKey } = await hub.asMember((line) => publish(line, hub, keys, 1));
      const last = await second.asMember(async (line) => {
        const heard = await line.heard('model-available');
        const model = readStatement('model', heard.model, hub.keys.publicKey);
        must(model.model === statement.model, 'It told of another model.');
        await fetchWhole(line, { hash: statement.sealedBlob, bytes: statement.sealedBytes });
        const unwrapped = unwrapKey(heard.sealedKey, keys, model.model);
        must(Buffer.from(unwrapped).equals(contentKey), 'The content key is not the one that was wrapped.');
        return heard.sequence;
      });
      await second.asMember(
        async (line) => {
          // What comes first says that nothing else did: the hub tells of models right after its welcome.
          await line.ask({ kind: 'get-begin', hash: '0'.repeat(64), offset: 0, transfer: newTransfer() });
          must(!line.hasHeard('model-available'), 'It told again of a model that the device has.');
        },
        { lastModelSequence: last },
      );
    },
  },
  {
    section: '8.3',
    must: 'let the model of the highest sequence stand on a branch, and give the earlier no more',
    async tried(hub) {
      const second = secondOf(hub);
      await second.asMember(async () => {});
      await hub.asMember(async (line) => {
        const earlier = await publish(line, hub, second.keys, 2);
        const later = await publish(line, hub, second.keys, 3);
        await second.asMember(async (other) => {
          await isKeptFrom(other, earlier.statement.sealedBlob, 'a member that model');
          await fetchWhole(other, { hash: later.statement.sealedBlob, bytes: later.statement.sealedBytes });
        });
      });
    },
  },
];
