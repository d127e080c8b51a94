import { afterEach, describe, expect, it } from 'vitest';
import { encodeUpdate } from '../../../../src/sync/aggregation/update.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { updateFormSchema } from '../../../../src/contract/federation.ts';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { firstWeight, openBench, practiceProject, until } from '../federation-fixture.ts';
import { rawSite, rawUpdate } from '../raw-site.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

const tensors = { 'norm.scale': 1, 'norm.offset': 1, 'norm.mean': 1, 'norm.variance': 1, 'logits.kernel': 64 };
const options: Parameters<typeof practiceProject>[0] = {
  network: {
    name: 'normed',
    description: 'A norm and a dense layer',
    input: { height: 8, width: 8, channels: 1 },
    layers: [
      { op: 'batch-norm', id: 'norm', input: 'input' },
      { op: 'global-average-pool', id: 'pool', input: 'norm' },
      { op: 'dense', id: 'logits', input: 'pool', units: 'classes' },
    ],
    output: 'logits',
  } as never,
  // Honest sites change a weight or two by 1; the statistics are what they measured, however far they are.
  rule: { bufferSize: 2, maxUpdateNorm: 50 },
  commits: 3,
  peerModels: false,
};
const project = practiceProject(options);

const changes = (change: (values: Record<string, number[]>) => void): Weights => {
  const values: Record<string, number[]> = Object.fromEntries(
    Object.entries(tensors).map(([name, count]) => [name, Array.from({ length: count }, () => 0.5)]),
  );
  change(values);
  return new Map(
    Object.entries(values).map(([name, each]) => [name, { shape: [each.length], values: Float32Array.from(each) }]),
  );
};
const form = updateFormSchema.parse({ updateCodec: 'float32' });

describe('fault 17: an update that nobody could use', () => {
  it('is refused with the reason, whatever is wrong with it, and the honest sites’ trunk knows nothing of it', async () => {
    const folder = bench.folder();
    const hub = await hubProcess({ folder, project: options, tensors, invites: 3 });
    const liar = bench.keep(await rawSite({ invite: hub.invites[2]!, folder: bench.folder(), name: 'Quito' }));
    const wrong: readonly [string, Uint8Array, number][] = [
      [
        'NaN',
        encodeUpdate(
          changes((of) => void (of['logits.kernel']![7] = Number.NaN)),
          form,
        ),
        555,
      ],
      [
        'infinity',
        encodeUpdate(
          changes((of) => void (of['logits.kernel']![63] = Number.POSITIVE_INFINITY)),
          form,
        ),
        555,
      ],
      [
        'NaN in a norm’s statistic',
        encodeUpdate(
          changes((of) => void (of['norm.variance']![0] = Number.NaN)),
          form,
        ),
        555,
      ],
      [
        'another shape',
        encodeUpdate(
          changes((of) => void of['logits.kernel']!.pop()),
          form,
        ),
        553,
      ],
      [
        'a tensor too few',
        encodeUpdate(
          changes((of) => void delete of['norm.mean']),
          form,
        ),
        552,
      ],
      [
        'a tensor too many',
        encodeUpdate(
          changes((of) => void (of['hidden.kernel'] = [1])),
          form,
        ),
        552,
      ],
      [
        'another codec',
        encodeUpdate(
          changes(() => {}),
          updateFormSchema.parse({ updateCodec: 'float16' }),
        ),
        554,
      ],
      [
        'a norm beyond the project’s',
        encodeUpdate(
          changes((of) => void (of['logits.kernel']![7] = 60)),
          form,
        ),
        557,
      ],
      ['bytes that are no tensor file', Buffer.from('not a file of tensors at all'), 550],
    ];
    for (const [what, bytes, code] of wrong) {
      const { blob, signed } = rawUpdate(liar, project, bytes);
      await liar.channel.putBlob(blob);
      const refusal = liar.channel.ask({ kind: 'update-offered', update: signed }).then(
        () => 'accepted',
        (thrown: { code?: number }) => thrown.code,
      );
      expect([what, await refusal]).toEqual([what, code]);
    }
    const honest = ['Lyon', 'Oslo'].map((name, index) =>
      siteProcess({ folder: bench.folder(), name, invite: hub.invites[index]! }),
    );
    await until(
      'the project is finished',
      () => hub.news.find((one) => one.kind === 'trunk-committed' && one.isFinished),
      60_000,
    );
    expect(hub.news.filter(({ kind }) => kind === 'update-refused').length).toBeGreaterThanOrEqual(wrong.length);
    for (const { child, died } of [...honest, hub]) {
      child.kill('SIGKILL');
      await died;
    }
    const reopened = bench.keep(await openHub({ folder, port: 0 }));
    expect(await reopened.status()).toMatchObject({ trunkVersion: 3 });
    // Each commit of honest updates moves each weight by 1.
    expect(firstWeight((await reopened.trunkWeights())!)).toBeCloseTo(3, 5);
  }, 120_000);
});
