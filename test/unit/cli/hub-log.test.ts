import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hubLog } from '../../../src/cli/hub-log.ts';
import { wireFault } from '../../../src/sync/protocol/faults.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the hub’s log of strangers that are not let in', () => {
  const lines: string[] = [];
  const refused = (from: string, fault = wireFault.malformedMessage('no JSON')) =>
    ({ kind: 'site-refused', from, fault: fault.toValue() }) as const;
  beforeEach(() => void lines.splice(0));

  it('has a line for each of the first ten of a minute, and one for all the others', () => {
    const log = hubLog({ format: 'text', level: 'info', write: (line) => lines.push(line) });
    for (let one = 0; one < 800; one += 1) log(refused('203.0.113.7'));
    expect(lines).toHaveLength(10);
    // Another reason is told by itself.
    log(refused('203.0.113.8', wireFault.forgedMessage()));
    expect(lines).toHaveLength(11);
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toMatch(/ warn 790 more within a minute, the last at 203\.0\.113\.7: The other end sent/);
    log(refused('203.0.113.7'));
    expect(lines.at(-1)).toMatch(/ a site at 203\.0\.113\.7 was not let in: /);
    vi.advanceTimersByTime(120_000);
    expect(lines).toHaveLength(13);
  });

  it('says as JSON how many they were', () => {
    const log = hubLog({ format: 'json', level: 'info', write: (line) => lines.push(line) });
    for (let one = 0; one < 12; one += 1) log(refused('203.0.113.7'));
    vi.advanceTimersByTime(60_000);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ kind: 'site-refused', others: 2, fault: { code: 400 } });
  });
});

describe('the hub’s log of updates that it refuses', () => {
  const lines: string[] = [];
  beforeEach(() => void lines.splice(0));
  const refused = (site: string, reason: string) =>
    ({ kind: 'update-refused', site, fault: wireFault.malformedMessage(reason).toValue() }) as const;

  it('has a line for each site and reason, and the next where the reason changed or the trunk moved', () => {
    const log = hubLog({ format: 'text', level: 'info', write: (line) => lines.push(line) });
    // A site offers it again every few seconds.
    for (let time = 0; time < 20; time += 1) log(refused('oslo', 'one waits'));
    expect(lines).toHaveLength(1);
    log(refused('lyon', 'one waits'));
    log(refused('oslo', 'too large'));
    log(refused('oslo', 'one waits'));
    expect(lines).toHaveLength(4);
    log({ kind: 'update-accepted', site: 'lyon', isDuplicate: false });
    log(refused('lyon', 'one waits'));
    log(refused('oslo', 'one waits'));
    expect(lines).toHaveLength(6);
    log({ kind: 'trunk-committed', version: 1, updates: 3, isFinished: false });
    log(refused('oslo', 'one waits'));
    expect(lines).toHaveLength(8);
  });
});
