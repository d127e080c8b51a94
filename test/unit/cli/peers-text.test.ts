import { describe, expect, it } from 'vitest';
import { listText } from '../../../src/cli/commands/peers.ts';
import { peerSchema } from '../../../src/contract/peers.ts';

const peer = (site: string, changes: object) =>
  peerSchema.parse({
    site,
    fingerprint: 'ab'.repeat(32),
    route: 'relay',
    address: null,
    isMuted: false,
    models: 1,
    offered: 0,
    alone: null,
    help: null,
    ...changes,
  });
const rowsOf = (peers: ReturnType<typeof peer>[]): string[] =>
  listText({ federation: 'Chest', site: 'Lyon', peers, bench: [], lineage: null }).split('\n');

describe('the list of peers', () => {
  it('tells what a peer adds with its sign, and none where it rounds to nothing', () => {
    const helps = [0.0124, -0.0124, 0.0003, -0.0003, 0].map((help, index) => peer(`site-${index}`, { help }));
    const added = rowsOf(helps).flatMap((row) => (row.startsWith('site-') ? [row.split(/\s+/)[4]] : []));
    expect(added).toEqual(['+0.012', '-0.012', '0.000', '0.000', '0.000']);
  });

  it('tells why a peer is not reached directly', () => {
    const lineProblem = 'The certificate of membership of Oslo was good until 2026-01-31T00:00:00.000Z.';
    expect(rowsOf([peer('Oslo', { lineProblem }), peer('Quito', {})])).toContain(lineProblem);
  });
});
