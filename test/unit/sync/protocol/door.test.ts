// The door of a hub stays open whatever becomes of one connection.
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { openDoor } from '../../../../src/sync/protocol/door.ts';

function situation() {
  const server = createServer((_, answer) => void answer.end('here'));
  const cannotListen = (code: string): Fault => new Fault({ code: 521, message: code, retry: 'later' });
  const door = openDoor({ server, maxStrangers: 1, welcome: async () => {}, cannotListen });
  onTestFinished(() => door.close());
  return { server, door };
}

test('connections that the system could not hand over end nothing', async () => {
  const { server, door } = situation();
  const port = await door.open(0, '127.0.0.1');
  const refused = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
  for (let times = 0; times < 3; times += 1) expect(() => server.emit('error', refused)).not.toThrow();
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('here');
});

test('a port that another has is told', async () => {
  const port = await situation().door.open(0, '127.0.0.1');
  await expect(situation().door.open(port, '127.0.0.1')).rejects.toMatchObject({ code: 521, message: 'EADDRINUSE' });
});
