import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeTensorFile, float32Tensor } from '../../../../src/contract/safetensors.ts';
import { openBlobStore } from '../../../../src/station/home/blob-store.ts';
import { openModelRegistry } from '../../../../src/station/models/model-registry.ts';
import { openAuthor } from '../../../../src/sync/site/author.ts';
import { initialWeights, resolveNetwork, weightSpecifications } from '../../../../src/trainer/client.ts';

const definition = resolveNetwork('cnn-small');

/** A registry with a model of each of these seeds, and the way to damage a record. */
function registryWith(...seeds: number[]) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-models-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const blobs = path.join(folder, 'blobs');
  const registry = openModelRegistry(path.join(folder, 'models'), openBlobStore(blobs), {
    author: openAuthor(path.join(folder, 'site')),
    siteName: 'Lyon',
  });
  const add = (seed: number, classes = ['a', 'b']): string => {
    const weightsFile = path.join(folder, 'weights');
    const values = initialWeights(definition, 2, seed);
    const tensors = new Map(
      weightSpecifications(definition, 2).map(({ name, shape }) => [name, float32Tensor(values.get(name)!, shape)]),
    );
    writeFileSync(weightsFile, encodeTensorFile({ tensors, metadata: {} }));
    return registry.add({
      weightsFile,
      definition,
      task: 'classification',
      cohort: 'chest',
      cohortHash: 'c'.repeat(64),
      classes,
      test: null,
      parents: [],
      hyperParameters: null,
      training: null,
      seed,
      engine: null,
      provider: null,
      input: null,
      operatingPoint: null,
      modalities: [],
      federation: null,
    }).id;
  };
  const ids = seeds.map((seed) => add(seed));
  const truncate = (id: string): void => {
    const file = path.join(folder, 'models', `${id}.json`);
    writeFileSync(file, readFileSync(file).subarray(0, 200));
  };
  const kept = (): string[] =>
    readdirSync(blobs, { recursive: true })
      .map(String)
      .filter((name) => name.length > 60);
  /** One bit of the weights on the disk turns. */
  const rot = (id: string): void => {
    const file = path.join(
      blobs,
      kept().find((name) => path.basename(name).startsWith(id))!,
    );
    const bytes = readFileSync(file);
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(file, bytes);
  };
  return { registry, ids, add, truncate, kept, rot };
}

test('a damaged record hides no other model, is named, and says what to do', () => {
  const { registry, ids, truncate } = registryWith(1, 2);
  const [one, two] = ids as [string, string];
  truncate(one);
  expect(registry.list().map(({ id }) => id)).toEqual([two]);
  expect(registry.damaged()).toEqual([one]);
  expect(() => registry.get(one)).toThrow(expect.objectContaining({ code: 246 }));
  expect(registry.get(two).model.id).toBe(two);
});

test('a damaged record is mended by its file, or deleted with its weights', () => {
  const { registry, ids, truncate, kept } = registryWith(1, 2);
  const [one, two] = ids as [string, string];
  const file = registry.encode(one);
  truncate(one);
  expect(registry.take(file)).toMatchObject({ isKnown: false, model: { id: one, author: { site: 'Lyon' } } });
  expect(registry.take(file)).toMatchObject({ isKnown: true, model: { id: one } });
  expect(registry.damaged()).toEqual([]);
  truncate(two);
  registry.delete(two);
  expect(registry.list().map(({ id }) => id)).toEqual([one]);
  expect(kept()).toHaveLength(1);
});

test('weights that are here already keep the model that they have, with its day', () => {
  const { registry, ids } = registryWith(1, 1);
  expect(new Set(ids).size).toBe(1);
  const [model] = registry.list();
  expect(registry.take(registry.encode(ids[0]!))).toEqual({ model, isKnown: true });
  expect(registry.list()).toEqual([model]);
});

test('an ONNX graph is named as what it is', () => {
  const { registry } = registryWith();
  const graph = Uint8Array.from([0x08, 0x08, 0x12, 0x06, 0x69, 0x6d, 0x61, 0x67, 0x69, 0x71]);
  expect(() => registry.take(graph)).toThrow(expect.objectContaining({ code: 249 }));
});

test('weights that changed on the disk are neither used nor sent', () => {
  const { registry, ids, rot } = registryWith(1, 2);
  const [one, two] = ids as [string, string];
  expect(registry.get(one).model.id).toBe(one);
  rot(one);
  expect(() => registry.get(one)).toThrow(expect.objectContaining({ code: 251 }));
  expect(() => registry.encode(one)).toThrow(expect.objectContaining({ code: 251 }));
  expect(registry.get(two).model.id).toBe(two);
});

test('weights that changed on the disk are mended by the model’s file', () => {
  const { registry, ids, rot } = registryWith(1);
  const [one] = ids as [string];
  const file = registry.encode(one);
  const whole = readFileSync(registry.get(one).weightsFile);
  rot(one);
  expect(registry.take(file)).toMatchObject({ isKnown: false, model: { id: one, origin: 'trained' } });
  expect(readFileSync(registry.get(one).weightsFile)).toEqual(whole);
  expect(registry.take(file)).toMatchObject({ isKnown: true });
});

test('a model whose weights are gone says so, not that it is of an earlier version', () => {
  const { registry, ids } = registryWith(1);
  const [one] = ids as [string];
  rmSync(registry.get(one).weightsFile);
  expect(() => registry.get(one)).toThrow(expect.objectContaining({ code: 251 }));
});

test('an ensemble has its members as parents, is asked through them, and has no weights to give away', () => {
  const { registry, ids } = registryWith(1, 2);
  const [first, second] = ids as [string, string];
  const ensemble = { members: [first, second], cohort: 'chest', modalities: ['CT'], federation: null };
  const kept = registry.addEnsemble(ensemble);
  expect(kept).toMatchObject({ isKnown: false, isEnsemble: true, parents: [first, second], classes: ['a', 'b'] });
  expect(registry.voters(kept.id).voters.map(({ model }) => model.id)).toEqual([first, second]);
  expect(registry.voters(first).voters.map(({ model }) => model.id)).toEqual([first]);
  // The same models in another order are the same ensemble.
  expect(registry.addEnsemble({ ...ensemble, members: [second, first] })).toMatchObject({ id: kept.id, isKnown: true });
  for (const act of [() => registry.get(kept.id), () => registry.encode(kept.id)])
    expect(act).toThrow(
      expect.objectContaining({ code: 255, message: expect.stringContaining(`${first}, ${second}`) }),
    );
  registry.delete(second);
  expect(() => registry.voters(kept.id)).toThrow(
    expect.objectContaining({ code: 254, message: expect.stringContaining(second) }),
  );
  expect(registry.list().map(({ id }) => id)).toContain(kept.id);
  registry.delete(kept.id);
  expect(registry.list().map(({ id }) => id)).toEqual([first]);
});

test('models of other classes do not vote together', () => {
  const { registry, ids, add } = registryWith(1);
  const other = add(2, ['b', 'a']);
  const ensemble = { members: [ids[0]!, other], cohort: 'chest', modalities: [], federation: null };
  expect(() => registry.addEnsemble(ensemble)).toThrow(expect.objectContaining({ code: 253 }));
  expect(registry.list()).toHaveLength(2);
});
