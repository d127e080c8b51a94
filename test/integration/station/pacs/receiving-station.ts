// A library with a receiver in a process of its own, until it is killed. Each line on its input is answered with the MiB
// that it holds.
import { createInterface } from 'node:readline';
import { receiverSettingsSchema } from '../../../../src/contract/pacs.ts';
import { openLibrary } from '../../../../src/station/library/library.ts';
import { openReceiver } from '../../../../src/station/pacs/receiver/receiver.ts';

const [folder, port] = process.argv.slice(2) as [string, string];
const library = openLibrary({ folder });
const receiver = openReceiver({ folder, intake: library.intake(), onChange: () => {} });
await receiver.settled();
// Started again, it listens already as it was set up.
if (!receiver.state().isListening) {
  await receiver.configure(
    receiverSettingsSchema.parse({ isEnabled: true, port: Number(port), allowedAETitles: ['SENDER'] }),
  );
}
createInterface(process.stdin).on('line', () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${(heapUsed + external) / 1024 ** 2}\n`);
});
