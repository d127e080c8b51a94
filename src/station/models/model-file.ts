// A model as one file for another site: a tensor file (contract/safetensors.ts) whose metadata holds the signed statement.
// It is decoded and checked, never executed; its weights are named by their hash, which the signature covers.
import { createHash } from 'node:crypto';
import { Fault } from '../../contract/fault.ts';
import { type Model, modelAuthorSchema, modelStatementSchema, type ModelStatement } from '../../contract/model.ts';
import { decodeTensorFile, encodeTensorFile, float32Values } from '../../contract/safetensors.ts';
import { isSignedBy } from '../../sync/site/author.ts';
import { weightSpecifications } from '../../trainer/client.ts';
import { modelFaults } from './faults.ts';

/** What a signature over a model says that it is for. */
export const modelDomain = 'imagiq-model-1';
/** Larger files are refused before they are read: weights of the largest network allowed are 800 MB. */
export const maxModelFileBytes = 1_000_000_000;

/** @param weights the weights file in canonical order, whose hash the statement names */
export function encodeModelFile(
  weights: Uint8Array,
  statement: string,
  author: NonNullable<Model['author']>,
): Uint8Array {
  const { tensors } = decodeTensorFile(weights);
  return encodeTensorFile({ tensors, metadata: { statement, author: JSON.stringify(author) } });
}

export interface DecodedModelFile {
  readonly statement: ModelStatement;
  readonly statementText: string;
  readonly author: NonNullable<Model['author']>;
  /** In canonical order, as this site's own weights files. */
  readonly weights: Uint8Array;
}

/** Checks a file from anywhere. @throws Fault 232 with the reason */
export function decodeModelFile(bytes: Uint8Array): DecodedModelFile {
  // ONNX is a protobuf whose first field is its version; a safetensors file begins with the 8-byte length of its header.
  if (bytes[0] === 0x08 && bytes[7] !== 0) throw modelFaults.isGraph();
  const file = orDamaged('it is not whole', () => decodeTensorFile(bytes));
  const statementText = file.metadata['statement'];
  if (statementText === undefined) throw modelFaults.fileDamaged('it is no model file of ImagiQ');
  const author = modelAuthorSchema.safeParse(
    orDamaged('its author is unreadable', () => JSON.parse(file.metadata['author'] ?? '')),
  );
  if (!author.success) throw modelFaults.fileDamaged('it names no author');
  if (!isSignedBy(author.data, modelDomain, statementText)) {
    throw modelFaults.fileDamaged('its description was changed after its author signed it');
  }
  const statement = modelStatementSchema.safeParse(
    orDamaged('its description is unreadable', () => JSON.parse(statementText)),
  );
  if (!statement.success) {
    throw modelFaults.fileDamaged(`its description is not valid at ${statement.error.issues[0]?.path.join('.')}`);
  }
  const { definition, classes, weightsHash } = statement.data;
  // Checks the network's limits before anything is made of it.
  const specifications = orDamaged('its network is not usable', () => weightSpecifications(definition, classes.length));
  if (file.tensors.size !== specifications.length) throw modelFaults.fileDamaged('its weights are not of its network');
  const tensors = new Map(
    specifications.map(({ name, shape }) => {
      const tensor = file.tensors.get(name);
      if (tensor?.elementType !== 'F32' || tensor.shape.join() !== shape.join()) {
        throw modelFaults.fileDamaged(`its weights ${name} are not of its network`);
      }
      return [name, tensor] as const;
    }),
  );
  const weights = encodeTensorFile({ tensors, metadata: {} });
  if (createHash('sha256').update(weights).digest('hex') !== weightsHash) {
    throw modelFaults.fileDamaged('its weights were changed after its author signed them');
  }
  for (const [name, tensor] of tensors) {
    if (!float32Values(tensor).every(Number.isFinite)) throw modelFaults.fileDamaged(`${name} holds no number`);
  }
  return { statement: statement.data, statementText, author: author.data, weights };
}

function orDamaged<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw modelFaults.fileDamaged(error instanceof Fault ? `${what} (${error.message})` : what);
  }
}
