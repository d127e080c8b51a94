// A real federation, short: what its hub and its sites said to each other, to be broken. Only the training is a small sum.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { WebSocket } from 'ws';
import { projectSchema } from '../../src/contract/federation.ts';
import { openHub } from '../../src/sync/hub/hub.ts';
import { openSite } from '../../src/sync/site/site.ts';
import { practiceProject, practiceWork, until, weightsOf } from '../../test/integration/sync/federation-fixture.ts';

export interface RecordedSession {
  readonly fromSite: readonly object[];
  readonly fromHub: readonly object[];
  /** `open`, `authenticate`, `hello`: before the seal. */
  readonly handshakes: readonly object[];
  readonly chunk: Buffer;
  readonly hubFolder: string;
  readonly hubFingerprint: string;
  readonly port: number;
  /** Of the first site, a member: its folder, and what it is called. */
  readonly siteFolder: string;
  readonly siteName: string;
}

const names = ['Lyon', 'Oslo', 'Quito', 'Porto'];
/** Each site makes so many updates, and then waits for good. */
const turns = 2;

/** @param isMasked with secure aggregation. Everything lies below `folder` afterwards, with nobody at work in it. */
export async function recordSession(folder: string, isMasked: boolean): Promise<RecordedSession> {
  const fromSite: object[] = [];
  const fromHub: object[] = [];
  const handshakes: object[] = [];
  const chunks: Buffer[] = [];
  const send = WebSocket.prototype.send as (...data: unknown[]) => void;
  WebSocket.prototype.send = function (this: WebSocket & { _isServer?: boolean }, ...args: unknown[]) {
    const [data] = args;
    if (typeof data !== 'string') chunks.push(Buffer.from(data as Uint8Array));
    else if (data.startsWith('{')) handshakes.push(JSON.parse(data) as object);
    else (this._isServer === true ? fromHub : fromSite).push(JSON.parse(data.slice(43)) as object);
    send.apply(this, args);
  } as typeof WebSocket.prototype.send;
  try {
    const project = projectSchema.parse({
      ...practiceProject({ rule: { bufferSize: names.length }, commits: 1_000 }),
      ...(isMasked && { secureAggregation: { threshold: 3, stepMs: 60_000 } }),
    });
    const hubFolder = path.join(folder, 'hub');
    const hub = await openHub({ folder: hubFolder, port: 0, project, initialWeights: weightsOf(0) });
    let release = (): void => {};
    const held = new Promise<void>((_, reject) => {
      release = () => reject(new Error('the recording is over'));
    });
    held.catch(() => {});
    const sites = [];
    for (const [index, name] of names.entries()) {
      const siteFolder = path.join(folder, name);
      mkdirSync(siteFolder);
      const site = await openSite({
        folder: siteFolder,
        siteName: name,
        work: practiceWork({
          step: 0.1 * (index + 1),
          beforeUpdate: (turn) => (turn < turns ? Promise.resolve() : held),
        }),
        random: () => 0.2,
        onChange: () => {},
        onLedger: () => {},
        ledger: { head: () => ({ entries: 1, hash: 'a'.repeat(64) }), hashAt: () => 'a'.repeat(64) },
      });
      await site.join(await hub.createInvite());
      await until('the project is announced', () => site.memberships()[0]?.project);
      sites.push(site);
    }
    for (const site of sites) await site.approve('ImagiQ', 'chest');
    await until('the commits', async () => (await hub.status()).trunkVersion === turns, 60_000);
    await until(
      'everyone heard of the models of all others',
      () => fromHub.filter((one) => 'sealedKey' in one).length >= names.length * (names.length - 1),
      60_000,
    );
    const { port, fingerprint: hubFingerprint } = hub;
    release();
    for (const site of sites) await site.close();
    await hub.close();
    const chunk = chunks.toSorted((one, other) => other.length - one.length)[0]!;
    const siteFolder = path.join(folder, names[0]!);
    return { fromSite, fromHub, handshakes, chunk, hubFolder, hubFingerprint, port, siteFolder, siteName: names[0]! };
  } finally {
    WebSocket.prototype.send = send as typeof WebSocket.prototype.send;
  }
}

/** Of everybody who signs something in the session. */
export function publicKeysIn({ fromSite, fromHub, handshakes }: RecordedSession): string[] {
  const texts = JSON.stringify([fromSite, fromHub, handshakes]).replaceAll('\\', '');
  return [...new Set([...texts.matchAll(/"(?:publicKey|hubKey)":"([A-Za-z0-9_-]{43})"/g)].map(([, key]) => key!))];
}
