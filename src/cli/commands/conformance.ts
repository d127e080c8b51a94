// conformance: whether an end of the wire, of whatever make, keeps what docs/protocol.md asks of it.
import { Command } from 'commander';
import { type CheckOutcome, hubConformance } from '../../sync/conformance/hub-conformance.ts';
import { contextOf } from '../context.ts';
import { siteConformance } from '../../sync/conformance/site-conformance.ts';
import { port } from '../options.ts';
import { counted, exitCode, type Output } from '../output.ts';

export function conformanceCommand(): Command {
  return new Command('conformance')
    .description('try whether an end of the wire, of any make, keeps docs/protocol.md')
    .addCommand(hubCommand())
    .addCommand(siteCommand());
}

function hubCommand(): Command {
  return new Command('hub')
    .description('try a hub: joins by an unused invite as a new device, and leaves again')
    .argument('<invite>', 'imagiq://join/…, of a federation made for this')
    .argument('[second]', 'another invite: with it, what passes between two members is tried too')
    .action(async (invite: string, second: string | undefined, _options: unknown, command: Command) => {
      const { output } = contextOf(command);
      tell(
        output,
        await hubConformance(second === undefined ? [invite] : [invite, second], (outcome) =>
          output.log(lineOf(outcome)),
        ),
      );
    });
}

function siteCommand(): Command {
  return new Command('site')
    .description(
      'try a site: stands in a hub’s place on this machine, and waits a quarter of an hour for the site to join',
    )
    .option('--port <number>', '0: any that is free', port, 0)
    .action(async (options: { port: number }, command: Command) => {
      const { output } = contextOf(command);
      const onInvite = (invite: string): void => output.log(`Have the site join by this invite now:\n${invite}`);
      tell(output, await siteConformance(options.port, onInvite, (outcome) => output.log(lineOf(outcome))));
    });
}

function tell(output: Output, checks: readonly CheckOutcome[]): void {
  const countOf = (wanted: CheckOutcome['outcome']): number =>
    checks.filter(({ outcome }) => outcome === wanted).length;
  const [kept, broken, notTried] = [countOf('kept'), countOf('broken'), countOf('not tried')];
  output.result(
    { kept, broken, notTried, checks },
    () => `${counted(kept, 'check')} kept, ${broken} broken, ${notTried} not tried.`,
  );
  if (broken > 0) process.exitCode = exitCode.failed;
}

function lineOf({ section, must, outcome, why }: CheckOutcome): string {
  const line = `${outcome.padEnd(9)}  ${section.padEnd(4)}  ${must}`;
  return why === null ? line : `${line}\n${' '.repeat(17)}${why}`;
}
