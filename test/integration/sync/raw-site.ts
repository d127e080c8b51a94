// A site without manners: the wire itself, for tests that must say what a well-behaved site never says.
import { createHash, randomBytes } from 'node:crypto';
import type { Project } from '../../../src/contract/federation.ts';
import { openBlobFolder, type BlobFolder } from '../../../src/sync/protocol/blob-folder.ts';
import { openChannel, type Channel } from '../../../src/sync/protocol/channel.ts';
import { createDeviceKeys, type DeviceKeys } from '../../../src/sync/protocol/device-keys.ts';
import { parseInvite } from '../../../src/sync/protocol/invite-link.ts';
import { fromHubSchema, type FromHub } from '../../../src/sync/protocol/messages.ts';
import {
  signStatement,
  type Signed,
  type StatementOf,
  type UpdateStatement,
} from '../../../src/sync/protocol/statement.ts';
import { dial, type Line } from '../../../src/sync/site/dial.ts';

export interface RawSite {
  readonly keys: DeviceKeys;
  readonly blobs: BlobFolder;
  readonly line: Line;
  readonly channel: Channel;
  readonly heard: FromHub[];
  close(): Promise<void>;
}

export async function rawSite(order: {
  readonly invite: string;
  readonly folder: string;
  readonly name: string;
  readonly keys?: DeviceKeys;
  /** Comes back as the member that it is. */
  readonly isEnrolled?: boolean;
  /** Where it says that its peers reach it. */
  readonly url?: string;
}): Promise<RawSite> {
  const invite = parseInvite(order.invite);
  const keys = order.keys ?? createDeviceKeys();
  const blobs = openBlobFolder(order.folder);
  const heard: FromHub[] = [];
  const line = await dial({
    url: invite.url,
    hubFingerprint: invite.hubFingerprint,
    keys,
    site: order.name,
    inviteCode: order.isEnrolled ? null : invite.code,
    lastModelSequence: 0,
    agent: null,
    address:
      order.url === undefined
        ? null
        : signStatement(
            'address',
            { hub: invite.hubFingerprint, device: keys.fingerprint, sequence: 1, url: order.url, certificate: 'AAAA' },
            keys,
          ),
  });
  const channel = openChannel({
    ...line,
    incoming: fromHubSchema,
    blobs,
    mayReceive: () => {},
    maySend: () => {},
    receive: (message) => {
      heard.push(message);
      return null;
    },
  });
  return {
    keys,
    blobs,
    line,
    channel,
    heard,
    async close() {
      channel.close(1000, 'done');
      await channel.ended;
      await blobs.close();
    },
  };
}

/** A signed update whose bytes lie in the raw site's folder. */
export function rawUpdate(
  site: RawSite,
  project: Project,
  bytes: Uint8Array,
  changes: Partial<UpdateStatement> = {},
): { readonly blob: string; readonly signed: Signed } {
  const blob = site.blobs.put(bytes);
  const statement: UpdateStatement = {
    project: project.id,
    projectHash: createHash('sha256').update(JSON.stringify(project)).digest('hex'),
    baseVersion: 0,
    blob,
    bytes: bytes.byteLength,
    examples: 10,
    loss: 0.5,
    datasetFingerprint: '0'.repeat(64),
    idempotencyKey: createHash('sha256').update(`${site.keys.fingerprint} ${blob}`).digest('hex'),
    ...changes,
  };
  return { blob, signed: signStatement('update', statement, site.keys) };
}

/** A signed model whose sealed bytes, which nobody can open, lie in the raw site's folder. */
export function rawModel(
  site: RawSite,
  project: Project,
  changes: Partial<StatementOf<'model'>> = {},
): { readonly model: string; readonly sealed: string; readonly statement: Signed } {
  const bytes = randomBytes(100);
  const sealed = site.blobs.put(bytes);
  const model = createHash('sha256').update(sealed).digest('hex');
  const statement = signStatement(
    'model',
    {
      model,
      project: project.id,
      projectHash: createHash('sha256').update(JSON.stringify(project)).digest('hex'),
      author: site.keys.fingerprint,
      site: 'raw',
      network: project.network.name,
      definition: null,
      normalisation: null,
      parents: [],
      branch: 'local-only',
      sequence: 0,
      turn: null,
      datasetFingerprint: '0'.repeat(64),
      examples: 10,
      metrics: { auc: null, accuracy: null, loss: 1 },
      sealedBlob: sealed,
      sealedBytes: bytes.byteLength,
      ...changes,
    },
    site.keys,
  );
  return { model, sealed, statement };
}
