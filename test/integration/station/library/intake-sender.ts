// Hands instances to the intake of the library in the folder given until it is killed, and says the UID of each one
// that was accepted.
import { writeFileSync } from 'node:fs';
import { openLibrary } from '../../../../src/station/library/library.ts';
import { practiceSlice } from './practice-slice.ts';

const [folder, first] = process.argv.slice(2) as [string, string];
const intake = openLibrary({ folder }).intake();
for (let index = Number(first); ; index += 1) {
  const file = intake.newFile();
  writeFileSync(file, practiceSlice(index).bytes);
  const accepted = await intake.accept(file);
  if (accepted.kind === 'imported') process.stdout.write(`${accepted.sopInstanceUID}\n`);
}
