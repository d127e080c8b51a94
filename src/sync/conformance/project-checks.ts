// Sections 6.4 and 7 of docs/protocol.md, tried on a hub as a member: the trunk, and updates that a hub must not take. None that it
// would count is sent.
import { createHash, randomBytes } from 'node:crypto';
import { projectSchema, type Project } from '../../contract/federation.ts';
import { createDeviceKeys } from '../protocol/device-keys.ts';
import {
  parseJson,
  readStatement,
  signStatement,
  type TrunkStatement,
  type UpdateStatement,
} from '../protocol/statement.ts';
import { type Check, must, Nonconformity, NotTried } from './check.ts';
import type { HubUnderTest } from './hub-under-test.ts';
import { fetchWhole, newTransfer } from './fetched-blob.ts';
import type { TestLine } from './test-line.ts';

export interface Announced {
  readonly project: Project;
  readonly projectHash: string;
  readonly trunk: TrunkStatement;
}

/** The project that the hub tells, with its trunk. @throws NotTried where there is none that goes on */
export async function announced(line: TestLine): Promise<Announced> {
  const { project: text, trunk, isFinished } = await line.heard('project-announced');
  if (text === null || trunk === null) throw new NotTried('It runs no project with a trunk.');
  if (isFinished) throw new NotTried('Its project is finished.');
  const project = projectSchema.safeParse(parseJson(text));
  if (!project.success) throw new Nonconformity('What it announces is no project.');
  const projectHash = createHash('sha256').update(text).digest('hex');
  return { project: project.data, projectHash, trunk: readStatement('trunk', trunk, line.hello.hubKey) };
}

/** An update of bytes that were never brought, whole but for what `changes` says. */
export function updateOf(
  { project, projectHash, trunk }: Announced,
  changes: Partial<UpdateStatement> = {},
): UpdateStatement {
  return {
    project: project.id,
    projectHash,
    baseVersion: trunk.version,
    blob: randomBytes(32).toString('hex'),
    bytes: 1_000,
    examples: 10,
    loss: 1,
    datasetFingerprint: '0'.repeat(64),
    idempotencyKey: randomBytes(32).toString('hex'),
    ...changes,
  };
}

/** A check that an update of this kind is refused with this code. */
const refuses = (
  code: number,
  what: string,
  offer: (about: Announced, hub: HubUnderTest) => object,
): Check<HubUnderTest> => ({
  section: '7.4',
  must: `refuse ${what} with ${code}`,
  tried: (hub) =>
    hub.asMember(async (line) => {
      const about = await announced(line);
      if (about.project.secureAggregation !== undefined && about.project.secureAggregation !== null)
        throw new NotTried('Its project takes masked updates only.');
      const answer = await line.ask({ kind: 'update-offered', update: offer(about, hub) });
      must(answer.kind === 'refused', `It answered ${answer.kind}.`);
      must(answer.fault.code === code, `It refused with ${answer.fault.code}: ${answer.fault.message}`);
    }),
});

export const projectChecks: readonly Check<HubUnderTest>[] = [
  {
    section: '7.2',
    must: 'sign the trunk for the hash of the project’s text, and give a member the bytes that it names',
    tried: (hub) =>
      hub.asMember(async (line) => {
        const { projectHash, trunk } = await announced(line);
        must(trunk.projectHash === projectHash, 'The trunk statement names another project’s hash.');
        await fetchWhole(line, { hash: trunk.blob, bytes: trunk.bytes });
      }),
  },
  {
    section: '6.8',
    must: 'refuse to send from beyond a blob’s end with 416',
    tried: (hub) =>
      hub.asMember(async (line) => {
        const { trunk } = await announced(line);
        const beyond = { kind: 'get-begin', hash: trunk.blob, offset: trunk.bytes + 1, transfer: newTransfer() };
        const answer = await line.ask(beyond);
        must(answer.kind === 'refused', `It answered ${answer.kind}.`);
        must(answer.fault.code === 416, `It refused with ${answer.fault.code}.`);
      }),
  },
  refuses(403, 'an update that another device signed', (about) =>
    signStatement('update', updateOf(about), createDeviceKeys()),
  ),
  refuses(511, 'an update for another project', (about, { keys }) =>
    signStatement('update', updateOf(about, { projectHash: '0'.repeat(64) }), keys),
  ),
  refuses(513, 'an update from a trunk version that does not exist', (about, { keys }) =>
    signStatement('update', updateOf(about, { baseVersion: about.trunk.version + 1_000 }), keys),
  ),
  refuses(514, 'an update whose bytes it does not have', (about, { keys }) =>
    signStatement('update', updateOf(about), keys),
  ),
];
