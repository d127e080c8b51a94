import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { type Output, outputTo, table, tellFailure } from '../../../src/cli/output.ts';

const name = 'Doe^\u001B]0;owned\u0007\u009B2J\u202Etxt\r\n';
const shown = String.raw`Doe^\x1b]0;owned\x07\x9b2J\u202etxt\x0d`;

/** What a command wrote on stdout and stderr. */
function written(isJson: boolean, isTTY: boolean, act: (output: Output) => void): { out: string; err: string } {
  // Of a terminal only what the output asks of one.
  const stream = (): PassThrough => Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 200 });
  const [stdout, stderr] = [stream(), stream()];
  act(outputTo(isJson, stdout as unknown as NodeJS.WriteStream, stderr as unknown as NodeJS.WriteStream));
  const read = (one: PassThrough): string => (one.read() as string | null) ?? '';
  return { out: read(stdout), err: read(stderr) };
}

test('names cannot steer the terminal: results, lines, progress and failures show what is in them', () => {
  const { out, err } = written(false, true, (output) => {
    output.progress(name);
    output.log(name);
    output.result(null, () => `${name}umlauts ä, 山\tand tabs stay`);
    tellFailure(output, new Error(name));
  });
  expect(out).toBe(`${shown}\numlauts ä, 山\tand tabs stay\n`);
  // The escape that clears the line of progress is our own.
  expect(err).toBe(`${shown}${String.raw`\x0a`}\r\u001B[2K${shown}\n\nimagiq: Unexpected error: ${shown}\n\n`);
});

test('a name in a table stays in its cell', () => {
  expect(table(['patient', 'n'], [[name, 1]]).split('\n')).toHaveLength(2);
});

test('a list of nothing says so in words, where it has them', () => {
  expect(table(['id'], [], 'No models yet.')).toBe('No models yet.');
  expect(table(['id'], [['a']], 'No models yet.')).toBe('id\na');
});

test('JSON is exact, and so is a document that does not go to a terminal', () => {
  expect(JSON.parse(written(true, true, (output) => output.result({ name }, () => '')).out)).toEqual({ name });
  expect(written(false, false, (output) => output.document(null, name)).out).toBe(`${name}\n`);
  expect(written(false, true, (output) => output.document(null, name)).out).toBe(`${shown}\n\n`);
});
