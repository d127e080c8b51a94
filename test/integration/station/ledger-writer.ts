// Appends to the ledger of the folder given until it is killed, and says of each entry once it is on the disk.
import { openFileLedger } from '../../../src/ledger/file-ledger.ts';

const ledger = openFileLedger(process.argv[2] as string);
for (;;) process.stdout.write(`${ledger.append('note', { text: 'x'.repeat(2_000) }).hash}\n`);
