// What a site takes back when updates of its spool are refused, in whatever order they are settled.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeWeights, encodeWeights, type Weights } from '../../../../src/sync/aggregation/weights.ts';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import { takeBackResidual } from '../../../../src/sync/site/error-feedback.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import type { SpooledUpdate } from '../../../../src/sync/site/membership-file.ts';
import { takeBackVariate } from '../../../../src/sync/site/own-variate.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A spool of two updates; before, between and after them a residual and a control variate of one number each. */
function situation(values: readonly [number | null, number, number]) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-refused-'));
  folders.push(folder);
  const blobs = openBlobFolder(folder);
  const weights = (value: number): Weights => new Map([['a', { shape: [1], values: Float32Array.of(value) }]]);
  const kept = values.map((value) => (value === null ? null : blobs.put(encodeWeights(weights(value)))));
  const spool = [0, 1].map(
    (index) =>
      ({
        residualBefore: kept[index],
        residualAfter: kept[index + 1],
        variateBefore: kept[index],
        variateAfter: kept[index + 1],
      }) as SpooledUpdate,
  );
  const last = { projectHash: '0'.repeat(64), blob: kept[2]! };
  const state = { residual: last, controlVariate: last, spool, awaited: [] } as unknown as MembershipDesk['state'];
  const desk = { state, blobs };
  const refuse = (index: number): void => {
    takeBackResidual(desk, spool[index]!);
    takeBackVariate(desk, spool[index]!);
  };
  const valueOf = async (held: { readonly blob: string } | null): Promise<number | null> =>
    held === null ? null : decodeWeights(await blobs.read(held.blob)).get('a')!.values[0]!;
  return { refuse, residual: () => valueOf(state.residual), variate: () => valueOf(state.controlVariate) };
}

describe('a refused update', () => {
  test('that is the newest gives back what was there before it', async () => {
    const { refuse, residual, variate } = situation([1, 4, 16]);
    refuse(1);
    expect([await residual(), await variate()]).toEqual([4, 4]);
  });

  test('that is an older one takes back its own part only', async () => {
    const { refuse, residual, variate } = situation([1, 4, 16]);
    refuse(0);
    // What the newer one left, what the older had taken over, less what it had left.
    expect([await residual(), await variate()]).toEqual([16 + 1 - 4, 16]);
  });

  test.each([
    ['with something before them', 1, [1, 1]],
    ['that are the first', null, [0, null]],
  ] as const)('and the next too, %s: all is as before both', async (_, first, expected) => {
    const { refuse, residual, variate } = situation([first, 4, 16]);
    refuse(0);
    refuse(1);
    expect([await residual(), await variate()]).toEqual(expected);
  });
});
