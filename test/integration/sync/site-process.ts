// A site in a process of its own, that dies while it trains a given update.
import { openSite } from '../../../src/sync/site/site.ts';
import { practiceWork, until } from './federation-fixture.ts';

const { folder, invite, dieAtTurn } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  invite: string;
  dieAtTurn: number;
};
const site = await openSite({
  folder,
  siteName: 'Lyon',
  work: practiceWork({
    step: 1,
    beforeUpdate: async (turn) => {
      if (turn === dieAtTurn) process.kill(process.pid, 'SIGKILL');
    },
  }),
  onChange: () => {},
  onLedger: () => {},
});
await site.join(invite);
await until('the project is announced', () => site.memberships()[0]?.project);
await site.approve('ImagiQ', 'chest');
