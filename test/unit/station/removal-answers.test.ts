import { describe, expect, it } from 'vitest';
import type { Run } from '../../../src/contract/calls.ts';
import { Fault } from '../../../src/contract/fault.ts';
import type { Membership } from '../../../src/contract/federation.ts';
import { removalAnswers } from '../../../src/station/removal-answers.ts';

type Parts = Parameters<typeof removalAnswers>[0];

const counts = { studies: 1, series: 2, instances: 3, copies: 0, copyBytes: 0 };

/** A station of which one study is used by the cohort “lung”. */
function station(
  more: {
    runs?: Partial<Run>[];
    memberships?: Partial<Membership>[];
    instances?: number;
    failing?: Fault;
    whileLooking?: () => unknown;
    whileRemoving?: () => unknown;
  } = {},
) {
  const told: string[] = [];
  const going = new Set<string>();
  /** Cohorts that nothing may begin to train on while the removal runs. */
  const held: string[] = [];
  const leaves = { ...counts, instances: more.instances ?? 3, series: more.instances === 0 ? 0 : 2 };
  const parts = {
    library: {
      planRemoval: async () => ({
        counts: leaves,
        measurements: 4,
        labels: 0,
        unknown: ['9.9'],
        has: (uid: string) => uid === '1',
      }),
      remove: async () => {
        held.push(...going);
        if (more.failing !== undefined) throw more.failing;
        await more.whileRemoving?.();
        told.push('removed');
        return leaves;
      },
    },
    cohorts: {
      using: async (isGoing: (uid: string) => boolean) => {
        const used = isGoing('1') ? [{ name: 'lung', images: 1 }] : [];
        await more.whileLooking?.();
        return used;
      },
    },
    runs: { list: () => more.runs ?? [] },
    site: { memberships: () => more.memberships ?? [] },
    ledger: { append: (act: string, detail: object) => told.push(`${act} ${JSON.stringify(detail)}`) },
    onEvent: (event: string) => told.push(event),
  };
  return { answers: removalAnswers(parts as unknown as Parts, going), told, held, going };
}
const request = { uids: ['1.1'], patientIDs: [] };
const faultOf = async (work: unknown): Promise<Fault> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  throw new Error('no fault');
};

describe('a removal from the library', () => {
  it('names the cohorts that have what goes, and does not wait for them', async () => {
    const { answers, told } = station();
    expect(await answers['plan-removal'](request)).toEqual({
      ...counts,
      measurements: 4,
      labels: 0,
      unknown: ['9.9'],
      cohorts: [{ name: 'lung', images: 1 }],
      usedBy: [],
    });
    expect(told).toEqual([]);
    expect(await answers['remove-studies'](request)).toEqual({ ...counts, cancelled: false });
    expect(told).toEqual([
      'studies-removal-begun {"studies":1,"series":2,"instances":3,"copies":0}',
      'removed',
      'studies-removed {"studies":1,"series":2,"instances":3,"copies":0}',
      'library-changed',
    ]);
  });

  it.each(['running', 'paused'] as const)('is refused while a run on such a cohort is %s', async (state) => {
    const { answers, told } = station({ runs: [{ id: 'r1', cohort: 'lung', state }] });
    const fault = await faultOf(answers['remove-studies'](request));
    expect(fault.code).toBe(118);
    expect(fault.message).toContain(`training run r1 on cohort “lung” is ${state}`);
    expect(told).toEqual([]);
  });

  it('is refused where a run on such a cohort began while it was looked at', async () => {
    const runs: Partial<Run>[] = [];
    const { answers, told } = station({
      runs,
      whileLooking: () => runs.push({ id: 'r1', cohort: 'lung', state: 'running' }),
    });
    expect((await faultOf(answers['remove-studies'](request))).code).toBe(118);
    expect(told).toEqual([]);
  });

  it('holds the cohorts that lose images, and lets them go however it ends', async () => {
    const { answers, held, going } = station();
    await answers['remove-studies'](request);
    expect([held, [...going]]).toEqual([['lung'], []]);
  });

  it('goes on holding them where another one is refused meanwhile', async () => {
    const refused = new Fault({ code: 116, message: 'A removal runs.', retry: 'later' });
    const more: Parameters<typeof station>[0] = {};
    const { answers, going } = station(more);
    more.whileRemoving = async () => {
      more.failing = refused;
      expect((await faultOf(answers['remove-studies'](request))).code).toBe(116);
      expect([...going]).toEqual(['lung']);
    };
    await answers['remove-studies'](request);
    expect([...going]).toEqual([]);
  });

  it('that fails is in the ledger, begun and failed', async () => {
    const failing = new Fault({ code: 109, message: 'An import runs.', retry: 'later' });
    const { answers, told, going } = station({ failing });
    expect((await faultOf(answers['remove-studies'](request))).code).toBe(109);
    expect(told).toEqual([
      'studies-removal-begun {"studies":1,"series":2,"instances":3,"copies":0}',
      'studies-removal-failed {"reason":"fault 109"}',
      'library-changed',
    ]);
    expect([...going]).toEqual([]);
  });

  it('is refused while a federation trains on such a cohort', async () => {
    const { answers, told } = station({
      memberships: [{ federation: 'North', cohort: 'lung', state: 'offline', answer: null }],
    });
    expect((await faultOf(answers['remove-studies'](request))).message).toContain(
      'federation North trains on cohort “lung”',
    );
    expect(told).toEqual([]);
  });

  it('does not mind what has ended, or uses another cohort', async () => {
    const runs: Partial<Run>[] = [
      { id: 'r1', cohort: 'lung', state: 'done' },
      { id: 'r2', cohort: 'brain', state: 'running' },
    ];
    const memberships: Partial<Membership>[] = [
      { federation: 'North', cohort: 'lung', state: 'left', answer: null },
      { federation: 'East', cohort: 'lung', state: 'refused', answer: null },
      { federation: 'South', cohort: null, state: 'online', answer: null },
    ];
    const { answers } = station({ runs, memberships });
    expect(await answers['remove-studies'](request)).toMatchObject({ cancelled: false });
  });

  it('of nothing that is here is a fault that names what was asked for', async () => {
    const fault = await faultOf(station({ instances: 0 }).answers['remove-studies'](request));
    expect([fault.code, fault.message.includes('9.9')]).toEqual([117, true]);
  });
});
