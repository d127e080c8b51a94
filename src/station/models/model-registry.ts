// The site's models: weights by hash, each with a statement of where it came from that its author signed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type Model, modelSchema, type ModelStatement } from '../../contract/model.ts';
import { type Network, networkSchema } from '../../contract/network.ts';
import type { Author } from '../../sync/site/author.ts';
import type { BlobStore } from '../home/blob-store.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import { modelFaults } from './faults.ts';
import { decodeModelFile, encodeModelFile, modelDomain } from './model-file.ts';

/** A model that was trained here, or in a federation of which this site is a member. */
export type NewModel = Omit<ModelStatement, 'weightsHash' | 'createdAt' | 'network'> & { readonly weightsFile: string };

export type NewEnsemble = Pick<Model, 'cohort' | 'modalities' | 'federation'> & { readonly members: readonly string[] };

export interface StoredModel {
  readonly model: Model;
  readonly definition: Network;
  readonly weightsFile: string;
}

/** A model that is asked, and all whose answers make up what it says. */
export interface Voters {
  readonly model: Model;
  readonly voters: readonly StoredModel[];
}

export interface ModelRegistry {
  /**
   * Copies the weights into the blob store, signs where they came from and registers the model. Weights that are here already keep the
   * model that they have: `isKnown`.
   */
  add(model: NewModel): Model & { weightsFile: string; isKnown: boolean };
  /** The same of weights that are in memory. */
  addBytes(
    model: Omit<NewModel, 'weightsFile'>,
    weights: Uint8Array,
  ): Model & { weightsFile: string; isKnown: boolean };
  /** Newest first, without those whose record is damaged. */
  list(): Model[];
  /** Ids of the models whose record on the disk is damaged. */
  damaged(): string[];
  /** Models that are here, as one that says the mean of what they say. @throws Fault 253 where they cannot vote together */
  addEnsemble(ensemble: NewEnsemble): Model & { isKnown: boolean };
  /** @throws Fault 230 unknown, 235 of a version that kept no network, 246 record damaged, 251 weights damaged, 255 an ensemble */
  get(id: string): StoredModel;
  /** Who has to be asked for what this model says: itself, or the members of an ensemble. @throws as `get`; 254 where a member is gone */
  voters(id: string): Voters;
  /** The signed file for another site. @throws Fault 230, 235, 246, 251 */
  encode(id: string): Uint8Array;
  /** Takes a file from another site; the same model again mends its record and weights, and changes nothing where they are whole. @throws Fault 232 */
  take(bytes: Uint8Array): { model: Model; isKnown: boolean };
  /** Also of a damaged one. @throws Fault 230 */
  delete(id: string): void;
}

const recordSchema = modelSchema.extend({
  definition: networkSchema.nullable().default(null),
  /** The statement as it was signed, byte for byte. */
  statement: z.string().nullable().default(null),
});
type ModelRecord = z.infer<typeof recordSchema>;

export function openModelRegistry(
  folder: string,
  blobs: BlobStore,
  { author, siteName }: { author: Author; siteName: string },
): ModelRegistry {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (id: string): string => path.join(folder, `${id}.json`);

  const read = (id: string): ModelRecord => {
    let text: string;
    try {
      if (!/^[0-9a-f]{16}$/.test(id)) throw modelFaults.unknownModel(id);
      text = readFileSync(fileOf(id), 'utf8');
    } catch {
      throw modelFaults.unknownModel(id);
    }
    const record = recordOf(text);
    if (record === null) throw modelFaults.recordDamaged(id);
    return record;
  };

  /** The ids that there are, and the model of each; null of a record that is damaged. */
  const all = (): [id: string, model: Model | null][] =>
    readdirSync(folder)
      .filter((name) => /^[0-9a-f]{16}\.json$/.test(name))
      .map((name) => [name.slice(0, -'.json'.length), modelOf(path.join(folder, name))]);

  const keep = (
    statement: ModelStatement,
    statementText: string,
    signedBy: NonNullable<Model['author']>,
    origin: Model['origin'],
  ): Model => {
    const { definition, ...described } = statement;
    const id = statement.weightsHash.slice(0, 16);
    const model: Model = { ...described, id, author: signedBy, origin, isEnsemble: false };
    const record: ModelRecord = { ...model, definition, statement: statementText };
    writeFileDurably(fileOf(model.id), JSON.stringify(record));
    return model;
  };

  const knownModel = (weightsHash: string): Model | undefined =>
    all().find(([id, model]) => model !== null && weightsHash.startsWith(id))?.[1] ?? undefined;

  const storedOf = (id: string): StoredModel & { record: ModelRecord } => {
    const record = read(id);
    const { definition, statement: _statement, ...model } = record;
    if (model.isEnsemble) throw modelFaults.isEnsemble(model.parents);
    const weightsFile = blobs.file(model.weightsHash);
    if (definition === null) throw modelFaults.withoutDefinition();
    if (weightsFile === null || !blobs.isWhole(model.weightsHash)) throw modelFaults.weightsDamaged(id);
    return { model, definition, weightsFile, record };
  };

  const addBytes: ModelRegistry['addBytes'] = (described, weights) => {
    const weightsHash = blobs.put(weights);
    const weightsFile = blobs.file(weightsHash)!;
    const known = knownModel(weightsHash);
    if (known !== undefined) return { ...known, weightsFile, isKnown: true };
    const network = described.definition.name;
    const statement: ModelStatement = { ...described, network, weightsHash, createdAt: new Date().toISOString() };
    const text = JSON.stringify(statement);
    const { publicKey, fingerprint } = author;
    const signedBy = { site: siteName, publicKey, fingerprint, signature: author.sign(modelDomain, text) };
    return { ...keep(statement, text, signedBy, 'trained'), weightsFile, isKnown: false };
  };

  return {
    add: ({ weightsFile, ...described }) => addBytes(described, readFileSync(weightsFile)),
    addBytes,
    addEnsemble({ members: ids, ...described }) {
      const members = ids.map((id) => storedOf(id));
      const { task, classes } = alike(members);
      const hashes = members.map(({ model }) => model.weightsHash).sort();
      const weightsHash = createHash('sha256').update(hashes.join('\n')).digest('hex');
      const known = knownModel(weightsHash);
      if (known !== undefined) return { ...known, isKnown: true };
      const model = modelSchema.parse({
        ...described,
        id: weightsHash.slice(0, 16),
        network: 'ensemble',
        task,
        cohortHash: '',
        createdAt: new Date().toISOString(),
        classes,
        parents: ids,
        isEnsemble: true,
        weightsHash,
        test: null,
      });
      writeFileDurably(fileOf(model.id), JSON.stringify(model));
      return { ...model, isKnown: false };
    },
    voters(id) {
      const { definition: _definition, statement: _statement, ...model } = read(id);
      if (!model.isEnsemble) return { model, voters: [storedOf(id)] };
      const isHere = (member: string): boolean => /^[0-9a-f]{16}$/.test(member) && existsSync(fileOf(member));
      const gone = model.parents.find((member) => !isHere(member));
      if (gone !== undefined) throw modelFaults.memberGone(id, gone);
      const voters = model.parents.map(storedOf);
      alike(voters);
      return { model, voters };
    },
    list() {
      const models = all().flatMap(([, model]) => (model === null ? [] : [model]));
      return models.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    },
    damaged: () => all().flatMap(([id, model]) => (model === null ? [id] : [])),
    get: storedOf,
    encode(id) {
      const { record, weightsFile } = storedOf(id);
      if (record.statement === null || record.author === null) throw modelFaults.withoutDefinition();
      return encodeModelFile(readFileSync(weightsFile), record.statement, record.author);
    },
    take(bytes) {
      const { statement, statementText, author: signedBy, weights } = decodeModelFile(bytes);
      const known = knownModel(statement.weightsHash);
      const isKnown = known !== undefined && blobs.isWhole(statement.weightsHash);
      if (!isKnown) blobs.put(weights);
      if (known !== undefined) return { model: known, isKnown };
      return { model: keep(statement, statementText, signedBy, 'imported'), isKnown: false };
    },
    delete(id) {
      const isDamaged = this.damaged().includes(id);
      const weightsHash = isDamaged ? blobs.named(id) : read(id).weightsHash;
      rmSync(fileOf(id), { force: true });
      if (weightsHash !== null) blobs.remove(weightsHash);
    },
  };
}

/** What all of them are made for. @throws Fault 253 */
function alike(members: readonly StoredModel[]): Pick<Model, 'task' | 'classes'> {
  const [first] = members;
  if (first === undefined) throw modelFaults.membersDiffer('none was named');
  for (const member of members) {
    const { model } = member;
    if (model.task !== first.model.task)
      throw modelFaults.membersDiffer(
        `${first.model.id} is made for ${first.model.task}, ${model.id} for ${model.task}`,
      );
    if (model.classes.join('\n') !== first.model.classes.join('\n'))
      throw modelFaults.membersDiffer(
        `${first.model.id} knows ${first.model.classes.join(', ')}; ${model.id} knows ${model.classes.join(', ')}`,
      );
    // Masks are averaged pixel by pixel.
    const grid = ({ model: one, definition: of }: StoredModel): string =>
      JSON.stringify([of.input.height, of.input.width, one.input?.preprocessing ?? null]);
    if (model.task === 'segmentation' && grid(member) !== grid(first))
      throw modelFaults.membersDiffer(`${first.model.id} and ${model.id} draw on images prepared in different ways`);
  }
  return first.model;
}

/** Null of what is no JSON, or not of a model. */
function recordOf(text: string): ModelRecord | null {
  try {
    return recordSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** A model of an earlier version may lack what a record of now has. */
function modelOf(file: string): Model | null {
  try {
    return modelSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data ?? null;
  } catch {
    return null;
  }
}
