// The station's library and receiver in a process of their own, as in the product; `dicom-receive.ts` starts it.
// Arguments: home folder, port, the AE title that may send. Answers each message when all that arrived is indexed.
import { receiverSettingsSchema } from '../../src/contract/pacs.ts';
import { openLibrary } from '../../src/station/library/library.ts';
import { openReceiver } from '../../src/station/pacs/receiver/receiver.ts';

const [folder = '', port = '', sender = ''] = process.argv.slice(2);
const library = openLibrary({ folder });
const receiver = openReceiver({ folder, intake: library.intake(), onChange: () => {} });
await receiver.configure(
  receiverSettingsSchema.parse({ isEnabled: true, port: Number(port), allowedAETitles: [sender] }),
);
process.on('message', () => {
  void library
    .intake()
    .flush()
    .then(() => process.send?.('indexed'));
});
