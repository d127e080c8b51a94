// Every command and option of `imagiq` that the documents name is there.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { familiesFor } from '../../../src/cli/command-families.ts';

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...['docs', 'docs/decisions'].flatMap((folder) => readdirSync(folder).map((name) => path.posix.join(folder, name))),
].filter((name) => name.endsWith('.md'));

/** What stands after `imagiq` in the text of a line and in blocks of code; in the README's table without that word. */
function usesIn(document: string): { where: string; use: string }[] {
  return readFileSync(document, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const spans = [...line.matchAll(/`(?:npx )?imagiq ([^`]+)`/g)].map(([, use]) => use!);
      const inBlock = /^(?:[A-Z_]+=\S+ )*(?:npx )?imagiq (.*)$/.exec(line.trim())?.[1];
      const cell = document === 'README.md' && line.startsWith('| `') ? line.replaceAll('\\|', '/').split('|')[1]! : '';
      const row = [...cell.matchAll(/`([^`-][^`]*)`/g)].map(([, use]) => use!);
      const uses = [...spans, ...(inBlock === undefined ? [] : [inBlock]), ...row];
      return uses.map((use) => ({ where: `${document}:${index + 1}`, use }));
    });
}

async function wholeProgram(): Promise<Command> {
  const program = new Command('imagiq').option('--home <folder>').option('--json').option('--version').option('--help');
  for (const family of familiesFor([])) for (const command of await family.load()) program.addCommand(command);
  return program;
}

/** The words of a use that nothing is named by. `a/b` stands for one command or the other. */
function unknownWords(program: Command, use: string): string[] {
  const unknown: string[] = [];
  let named: readonly Command[] = [program];
  let areArguments = false;
  for (const word of use
    .replaceAll(/[[\]…]/g, ' ')
    .split(/\s+/)
    .filter(Boolean)) {
    if (['#', '&&', '>', '·'].includes(word)) break;
    if (word.startsWith('--')) {
      const flag = word.replace(/[=,.;:)].*$/, '');
      if (!named.some((command) => hasOption(command, flag))) unknown.push(flag);
      areArguments = true;
      continue;
    }
    const names = word.split(/[/|]/);
    const next = named.flatMap(({ commands }) => commands.filter((one) => names.includes(one.name())));
    const isMissing = next.length < names.length && named.some(({ commands }) => commands.length > 0);
    if (!areArguments && isMissing && /^[a-z-]+([/|][a-z-]+)*$/.test(word)) return [word];
    areArguments ||= next.length === 0;
    if (!areArguments) named = next;
  }
  return unknown;
}

function hasOption(command: Command | null, flag: string): boolean {
  if (command === null) return false;
  return command.options.some(({ long }) => long === flag) || hasOption(command.parent, flag);
}

test('every command and option that the documents name is there', async () => {
  const program = await wholeProgram();
  const uses = documents.flatMap(usesIn);
  expect(uses.length).toBeGreaterThan(150);
  const wrong = uses.flatMap(({ where, use }) =>
    unknownWords(program, use).map((word) => `${where}: ${word} in ${use}`),
  );
  expect(wrong).toEqual([]);
});

test('one that is not there is found', async () => {
  const program = await wholeProgram();
  expect(unknownWords(program, 'models publish ID --out FILE')).toEqual(['publish']);
  expect(unknownWords(program, 'train --cohort NAME --epoch 3')).toEqual(['--epoch']);
  expect(unknownWords(program, 'runs list/resume/restart [ID]')).toEqual(['list/resume/restart']);
});
