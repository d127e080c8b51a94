// hub, invite: the coordinator's commands.
import { writeFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { Command, Option } from 'commander';
import { renderSVG, renderUnicodeCompact } from 'uqr';
import { memberRoles, type MemberRole } from '../../contract/federation.ts';
import { initialTrunk } from '../../station/initial-trunk.ts';
import { certificateDays } from '../../sync/hub/certificates.ts';
import { openHub } from '../../sync/hub/hub.ts';
import { areConsolePagesBuilt } from '../../sync/hub/console/pages.ts';
import { inviteFacts, ownMachineOnly } from '../../sync/hub/invite-reach.ts';
import { createInviteIn } from '../../sync/hub/invites.ts';
import { contextOf } from '../context.ts';
import { backupCommands } from './hub-backup.ts';
import { consoleLinkCommand } from './hub-console-link.ts';
import { hubLog, logFormats, logLevels, type LogFormat, type LogLevel } from '../hub-log.ts';
import { hubPlaceOf, hubPlaceOptions, type HubPlace, postgresAddress } from '../hub-place.ts';
import { federationName, port, positiveInteger, positiveNumber, wholeNumberIn } from '../options.ts';
import { projectNetworks } from '../project-networks.ts';
import { addProjectOptions, projectOf, type ProjectOptions } from '../project-options.ts';

interface HubOptions extends ProjectOptions {
  /** Commands below `hub` may have a database instead. */
  data?: string;
  postgres?: string;
  blobs?: string;
  /** Commands below `hub` have none. */
  port?: number;
  host: string;
  publicUrl?: string;
  certificateDays: number;
  tlsCert?: string;
  tlsKey?: string;
  logFormat: LogFormat;
  logLevel: LogLevel;
  federation?: string;
}

/** How long an invite is good by default, in hours. */
const inviteHours = 72;

interface InviteOptions extends HubPlace {
  readonly expiresHours: number;
  readonly count: number;
  readonly role: MemberRole;
  readonly qr?: true;
  readonly qrFile?: string;
}

export function hubCommands(): Command[] {
  const hub = new Command('hub')
    .description('run a federation’s hub until it is stopped')
    .option('--data <folder>', 'the hub’s data; a stopped hub continues from it')
    .option(
      '--postgres <address>',
      'keep the rows in this database, which other hubs may share: postgres://user@host/database',
    )
    .option('--blobs <folder>', 'where weights and models lie; hubs of one database share it')
    .option('--port <number>', 'port to listen on; 0 picks a free one', port)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--public-url <url>', 'how sites reach the hub, where a proxy stands before it (wss://…)')
    .option(
      '--certificate-days <number>',
      'how long a site’s certificate of membership is good, which its peers ask while the hub is away; it is renewed by itself',
      wholeNumberIn(certificateDays.least, certificateDays.most),
      certificateDays.byDefault,
    )
    .option('--tls-cert <file>', 'certificate (PEM), where no proxy encrypts; read again when it changes')
    .option('--tls-key <file>', 'its key (PEM)')
    .addOption(new Option('--log-format <format>', 'of the log on stderr').choices(logFormats).default('text'))
    .addOption(new Option('--log-level <level>', 'least level that is logged').choices(logLevels).default('info'))
    .option('--federation <name>', 'name shown to the sites; kept from the first start on', federationName);
  addProjectOptions(hub, 'project').action(async (options: HubOptions, command: Command) => {
    const { output } = contextOf(command);
    const { data, port, tlsCert, tlsKey } = options;
    if (data === undefined) {
      return command.error("error: required option '--data <folder>' not specified", { exitCode: 2 });
    }
    if (port === undefined) command.error("error: required option '--port <number>' not specified", { exitCode: 2 });
    if ((tlsCert === undefined) !== (tlsKey === undefined)) {
      command.error('error: --tls-cert and --tls-key belong together.', { exitCode: 2 });
    }
    const project = projectOf(options);
    const postgres = postgresAddress(options.postgres, command);
    const hub = await openHub({
      folder: data,
      port,
      tls: tlsCert === undefined || tlsKey === undefined ? undefined : { certFile: tlsCert, keyFile: tlsKey },
      host: options.host,
      postgres,
      blobs: options.blobs,
      ...(options.federation !== undefined && { federation: options.federation }),
      ...(options.publicUrl !== undefined && { publicUrl: options.publicUrl }),
      certificateDays: options.certificateDays,
      networks: projectNetworks,
      onNews: hubLog({ format: options.logFormat, level: options.logLevel, write: output.log }),
      ...(project && { project, initialWeights: initialTrunk(project) }),
    });
    const stop = (): void => void hub.close().then(() => process.exit(0));
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    // A hub may never come to an orderly end. From code that was kept it starts with a quarter less memory.
    flushCompileCache();
    // The folder may hold one from an earlier start.
    const { project: current, federation, trunkVersion } = await hub.status();
    const ownMachine = ownMachineOnly(hub.url);
    output.result({ url: hub.url, port: hub.port, fingerprint: hub.fingerprint, project: current?.id ?? null }, () =>
      [
        `Hub of “${federation}” at ${hub.url}`,
        `Fingerprint ${hub.fingerprint}`,
        current === null
          ? `No project yet: sites can join and wait. Give one with \`imagiq project propose FILE.json ${placeShown(options)}\`.`
          : `Project ${current.title}, trunk ${trunkVersion} of ${current.commits}`,
        areConsolePagesBuilt()
          ? `Web console: \`imagiq hub console-link ${placeShown(options)}\` makes a link that signs you in.`
          : 'Web console: its pages are not built here; run `npm run build`, then start the hub again.',
        'Invite a site with `imagiq invite ' + placeShown(options) + '`. Ctrl+C stops the hub; nothing is lost.',
        ...(ownMachine === null ? [] : [ownMachine]),
      ].join('\n'),
    );
  });

  for (const command of [consoleLinkCommand(), ...backupCommands()]) hub.addCommand(command);

  const invite = hubPlaceOptions(new Command('invite'))
    .description('make a single-use invite to the federation of a hub')
    .option('--expires-hours <number>', 'how long the invite is good', positiveNumber, inviteHours)
    .option('--count <number>', 'make several', positiveInteger, 1)
    .addOption(
      new Option('--role <role>', 'an observer reads the shared model and sends nothing')
        .choices(memberRoles.filter((role) => role !== 'coordinator'))
        .default('site'),
    )
    .option('--qr', 'also as a QR code, to be read from the screen')
    .option('--qr-file <file>', 'as a QR code in an SVG file, to be printed or sent')
    .action(async (options: InviteOptions, command: Command) => {
      const { output } = contextOf(command);
      const place = hubPlaceOf(options, command);
      const invites: string[] = [];
      while (invites.length < options.count) {
        invites.push(
          await createInviteIn(place, { expiresInMs: options.expiresHours * 3_600_000, role: options.role }),
        );
      }
      const facts = inviteFacts(invites[0]!);
      const ownMachine = ownMachineOnly(facts.url);
      if (ownMachine !== null) output.log(ownMachine);
      if (options.qrFile !== undefined) writeFileSync(options.qrFile, renderSVG(invites[0]!), { mode: 0o600 });
      output.result({ ...(options.count === 1 ? { invite: invites[0] } : { invites }), ...facts }, () =>
        invites.map((one) => (options.qr === true ? `${one}\n\n${renderUnicodeCompact(one)}\n` : one)).join('\n'),
      );
      // Not on stdout, where scripts take the links from.
      if (!output.isJson)
        output.log(
          [
            `Good for one ${options.role} ${options.count === 1 ? '' : 'each '}until ${new Date(facts.expiresAt).toLocaleString('en-GB', { dateStyle: 'long', timeStyle: 'short' })}; it leads to ${facts.url}.`,
            `Whoever joins compares the hub's fingerprint with you: ${facts.fingerprint.match(/.{4}/g)?.join(' ')}`,
            ...(options.qr === true ? [] : ['With --qr it is a QR code too.']),
          ].join('\n'),
        );
    });
  return [hub, invite];
}

/** What a coordinator types beside the running hub; a password stays out of it. */
function placeShown({ data, postgres }: HubOptions): string {
  return postgres === undefined ? `--data ${data}` : '--postgres ADDRESS';
}
