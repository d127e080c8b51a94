// Networks that come as files: every word of them is checked before anything is built.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { readNetworkFile } from '../../../../src/trainer/networks/own-network.ts';

const own = { ...resolveNetwork('cnn-small'), name: 'own' };
const asked = { task: 'classification', classes: 3 } as const;

function fileOf(content: unknown): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-network-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'own.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test('a definition is read as it is, and asked for several labels where it tells classes', () => {
  const file = fileOf(own);
  expect(readNetworkFile(file, asked)).toEqual(own);
  expect(readNetworkFile(file, { task: 'multi-label', classes: 3 })).toEqual({ ...own, task: 'multi-label' });
});

test.each([
  [302, 'not JSON', '{'],
  [302, 'another thing', { name: 'own' }],
  [302, 'an op that is not known', { ...own, layers: [{ op: 'eval', id: 'a', input: 'input' }] }],
  [302, 'larger than any definition', ' '.repeat(1024 * 1024 + 1)],
  [305, 'the name of a bundled one', { ...own, name: 'resnet18' }],
  [300, 'an input that does not exist', { ...own, output: 'nowhere' }],
  [303, 'a network for masks', resolveNetwork('unet')],
])('fault %i refuses %s', (code, _what, content) => {
  expect(() => readNetworkFile(fileOf(content), asked)).toThrow(expect.objectContaining({ code }));
});

test('a file that is not there is named', () => {
  expect(() => readNetworkFile('/nowhere/own.json', asked)).toThrow(
    'own.json is not a network definition: it does not exist',
  );
});

test('what is wrong with a layer is said with the name that it has', () => {
  const tooMany = { op: 'conv', id: 'stem', input: 'input', filters: 100_000, kernel: 3 };
  expect(() => readNetworkFile(fileOf({ ...own, layers: [...own.layers, tooMany] }), asked)).toThrow(
    /layer stem filters: must be at most 4096\./,
  );
  const unknown = { op: 'attention', id: 'look', input: 'input' };
  expect(() => readNetworkFile(fileOf({ ...own, layers: [...own.layers, unknown] }), asked)).toThrow(
    'layer look op: there is no such layer',
  );
});

test('a field that is not known is refused: without it, it would be another network', () => {
  const [first, ...others] = own.layers;
  const dilated = { ...own, layers: [{ ...first, dilation: 2 }, ...others] };
  expect(() => readNetworkFile(fileOf(dilated), asked)).toThrow(
    `layer ${first!.id}: dilation: there is no such field.`,
  );
  expect(() => readNetworkFile(fileOf({ ...own, pretrained: true }), asked)).toThrow(
    'own.json is not a network definition: pretrained: there is no such field.',
  );
});

test('a layer that nothing reads is refused by its name', () => {
  const unread = { op: 'conv', id: 'unused', input: 'input', filters: 4, kernel: 3 };
  expect(() => readNetworkFile(fileOf({ ...own, layers: [...own.layers, unread] }), asked)).toThrow(
    'layer unused is read by no other layer and is not the output',
  );
});

test('a network that cannot be asked the task is refused with those that can', () => {
  expect(() => resolveNetwork('unet', 'multi-label')).toThrow(
    'Choose one of: cnn-small, densenet, efficientnet, resnet18.',
  );
  expect(() => resolveNetwork('cnn-small', 'segmentation')).toThrow('Choose one of: unet, unet-25d.');
});
