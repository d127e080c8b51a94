// The commands, put together. Wiring only; each command lives in commands/, and command-families.ts knows which file.
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { Fault } from '../contract/fault.ts';
import { familiesFor, hiddenCommandFamily } from './command-families.ts';
import { exitCode, outputTo, tellFailure } from './output.ts';
import { unusableOptionsCode } from './project-options.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Does what the process was called for, and sets its exit code. */
export async function runProgram(): Promise<void> {
  const program = new Command('imagiq')
    .description('Train medical-imaging models together without giving away a single image.')
    .version(version)
    .option('--home <folder>', 'data folder (default: the desktop app’s)')
    .option('--json', 'print exactly one JSON document on stdout; logs go to stderr')
    .showHelpAfterError('(imagiq --help shows how)')
    .exitOverride()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true });

  for (const family of familiesFor(process.argv.slice(2))) {
    const isHidden = family === hiddenCommandFamily;
    for (const command of await family.load()) program.addCommand(command, { hidden: isHidden });
  }
  endByThrowing(program);

  try {
    await program.parseAsync();
    process.exitCode ??= exitCode.done;
  } catch (error) {
    const output = outputTo(process.argv.includes('--json'), process.stdout, process.stderr);
    if (error instanceof CommanderError) {
      const isHelp = error.exitCode === 0;
      process.exitCode = isHelp ? exitCode.done : exitCode.wrongUse;
      // The sentence is on stderr already.
      if (!isHelp && output.isJson) tellFailure(output, wrongUse(error));
    } else {
      tellFailure(output, error);
      const isWrongUse = error instanceof Fault && error.code === unusableOptionsCode;
      process.exitCode = isWrongUse ? exitCode.wrongUse : exitCode.failed;
    }
  }
}

function wrongUse(error: CommanderError): Fault {
  const isHelp = error.code === 'commander.help';
  const message = isHelp ? 'No command was named.' : error.message.replace(/^error: /, '');
  return new Fault({ code: 800, message: `${message} (imagiq --help shows how)`, retry: 'never' });
}

/** Commands made apart do not inherit this: without it, wrong use would end with code 1. */
function endByThrowing(command: Command): void {
  for (const sub of command.commands) {
    sub.exitOverride().showHelpAfterError('(add --help to see how)');
    endByThrowing(sub);
  }
}
