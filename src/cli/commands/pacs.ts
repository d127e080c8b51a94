// pacs: peers, queries, transfers and the receiver from the command line, for DIMSE and DICOMweb peers alike.
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import {
  aeTitleSchema,
  type Peer,
  peerSchema,
  receiverSettingsSchema,
  type RemoteStudy,
  remoteQuerySchema,
  type RetrieveMethod,
  type TransferReport,
} from '../../contract/pacs.ts';
import { type Context, contextOf } from '../context.ts';
import { positiveInteger } from '../options.ts';
import { exitCode, table } from '../output.ts';
import type { StationLink } from '../station-link.ts';

/** The password of a DICOMweb peer, for `add`: what is written on a command line is seen by every process. */
const passwordVariable = 'IMAGIQ_PEER_PASSWORD';

/** Failures listed in text mode; --json lists up to a thousand. */
const failuresShown = 20;

export function pacsCommand(): Command {
  const pacs = new Command('pacs').description(
    'PACS and DICOMweb servers: query, fetch, send; receive what others send',
  );
  for (const command of [
    peersCommand(),
    addCommand(),
    removeCommand(),
    echoCommand(),
    findCommand(),
    retrieveCommand('get', 'fetch studies over the connection that this computer opens (C-GET, WADO-RS)'),
    retrieveCommand('move', 'let a PACS send studies to this station’s receiver, which must be on (C-MOVE)'),
    sendCommand(),
    receiveCommand(),
  ])
    pacs.addCommand(command);
  return pacs;
}

function peersCommand(): Command {
  return new Command('peers').description('list the peers').action(async (_options: unknown, command: Command) => {
    const { output, withStation } = contextOf(command);
    const { peers } = await withStation((station) => station.call('peers', {}));
    output.result({ peers }, () =>
      peers.length === 0
        ? 'No peers yet. Add one with `imagiq pacs add NAME …`.'
        : table(
            ['name', 'kind', 'address'],
            peers.map((peer) => [peer.name, peer.kind, addressOf(peer)]),
          ),
    );
  });
}

const addressOf = (peer: Peer): string =>
  peer.kind === 'dicomweb' ? peer.url : `${peer.aeTitle} at ${peer.host}:${peer.port}${peer.isTls ? ' (TLS)' : ''}`;

interface AddOptions {
  aeTitle?: string;
  host?: string;
  port?: number;
  tls?: boolean;
  url?: string;
  user?: string;
  authority?: string;
}

function addCommand(): Command {
  return new Command('add')
    .description('add a peer, or replace the one of the same name')
    .argument('<name>', 'what you call it')
    .option('--ae-title <title>', 'of a PACS', aeTitle)
    .option('--host <name>', 'of a PACS')
    .option('--port <number>', 'of a PACS', peerPort)
    .option('--tls', 'speak TLS with the PACS')
    .option('--url <url>', 'root of a DICOMweb server, below which /studies lies')
    .option('--user <name>', `of a DICOMweb server; its password is taken from the variable ${passwordVariable}`)
    .option('--authority <file>', 'PEM file of the authority that signed the peer’s certificate')
    .action(async (name: string, options: AddOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const peer = peerSchema.safeParse(peerOf(name, options));
      const isWhole = options.url !== undefined || options.host !== undefined;
      if (!isWhole || !peer.success) {
        const wrong = String(peer.error?.issues[0]?.path[0] ?? '');
        const given = Object.hasOwn(options, wrong) || wrong === 'name' || wrong === 'password';
        const why =
          given && wrong in addRules
            ? addRules[wrong]
            : 'A PACS needs --ae-title, --host and --port; a DICOMweb server needs --url http(s)://…';
        return command.error(`error: ${why}`, { exitCode: exitCode.wrongUse });
      }
      await withStation((station) => station.call('save-peer', { peer: peer.data }));
      const told = peer.data.kind === 'dicomweb' ? { ...peer.data, password: null } : peer.data;
      return output.result({ peer: told }, () => `${name} was added. \`imagiq pacs echo ${name}\` tries it.`);
    });
}

/** What a setting of a peer must be, by its name. */
const addRules: Readonly<Record<string, string>> = {
  name: 'A peer’s name has 1 to 64 characters.',
  host: '--host must be a host name or an IP address.',
  url: '--url must be an address that begins with http:// or https://, up to the place where “/studies” begins.',
  user: '--user has at most 256 characters.',
  password: `The password in ${passwordVariable} has at most 1,024 characters.`,
};

/** What a study may be looked for by, by the query's part. */
const findRules: Readonly<Record<string, string>> = {
  patientName: '--patient-name has at most 200 characters.',
  patientID: '--patient-id has at most 64 characters.',
  accessionNumber: '--accession has at most 64 characters.',
  studyDate:
    '--date must be a day or a range as DICOM writes them: 20260101, 20260101-20260131, 20260101- or -20260131.',
  modality: '--modality has at most 16 characters.',
  studyInstanceUID: '--study has at most 64 characters.',
  limit: '--limit must be 1 to 10000.',
};

function peerOf(name: string, { aeTitle: title, host, port, tls, url, user, authority }: AddOptions): unknown {
  const authorityFile = authority === undefined ? null : path.resolve(authority);
  if (url === undefined) {
    return { kind: 'dimse', name, aeTitle: title, host, port, isTls: tls ?? false, authorityFile };
  }
  const password = process.env[passwordVariable] ?? null;
  return { kind: 'dicomweb', name, url, user: user ?? null, password, authorityFile };
}

function removeCommand(): Command {
  return new Command('remove')
    .description('forget a peer')
    .argument('<peer>')
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      await withStation((station) => station.call('delete-peer', { peer }));
      output.result({ removed: peer }, () => `${peer} was removed.`);
    });
}

function echoCommand(): Command {
  return new Command('echo')
    .description('ask a peer whether it is there (C-ECHO; a DICOMweb server: one study)')
    .argument('<peer>')
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const answer = await withStation((station) => station.call('echo-peer', { peer }));
      output.result(answer, () => `${peer} answered in ${answer.milliseconds.toFixed(0)} ms.`);
    });
}

interface FindOptions {
  patientName: string;
  patientId: string;
  accession: string;
  date: string;
  modality: string;
  study: string;
  limit: number;
}

function findCommand(): Command {
  return new Command('find')
    .description('look for studies at a peer; * and ? are wildcards')
    .argument('<peer>')
    .option('--patient-name <name>', 'as DICOM writes it: Miller^Anna', '')
    .option('--patient-id <id>', '', '')
    .option('--accession <number>', '', '')
    .option('--date <range>', '20260101, 20260101-20260131, 20260101-', '')
    .option('--modality <code>', 'CT, MR, …', '')
    .option('--study <uid>', 'Study Instance UID', '')
    .option('--limit <number>', 'most studies', positiveInteger, 500)
    .action(async (peer: string, options: FindOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const query = remoteQuerySchema.safeParse({
        patientName: options.patientName,
        patientID: options.patientId,
        accessionNumber: options.accession,
        studyDate: options.date,
        modality: options.modality,
        studyInstanceUID: options.study,
        limit: options.limit,
      });
      if (!query.success) {
        const why = findRules[String(query.error.issues[0]?.path[0])] ?? 'This cannot be looked for.';
        return command.error(`error: ${why}`, { exitCode: exitCode.wrongUse });
      }
      const found = await withStation((station) => station.call('find-studies', { peer, query: query.data }));
      return output.result(found, () => foundText(found));
    });
}

function foundText({ studies, isCut }: { studies: RemoteStudy[]; isCut: boolean }): string {
  if (studies.length === 0) return 'No study found.';
  const rows = studies.map((study) => [
    study.studyDate,
    study.patientID,
    study.patientName,
    study.modalities.join(' '),
    study.description,
    `${study.instancesHere}/${study.instances ?? '?'}`,
    study.studyInstanceUID,
  ]);
  const lines = [table(['date', 'patient ID', 'name', 'modality', 'description', 'here', 'Study Instance UID'], rows)];
  if (isCut) lines.push('There are more: narrow the search, or raise --limit.');
  return lines.join('\n');
}

function retrieveCommand(method: RetrieveMethod, description: string): Command {
  return new Command(method)
    .description(description)
    .argument('<peer>')
    .argument('<studyInstanceUID...>', 'from `imagiq pacs find --json`')
    .action((peer: string, studyInstanceUIDs: string[], _options: unknown, command: Command) =>
      transfer(contextOf(command), 'fetched', (station) =>
        station.call('retrieve-studies', { peer, studyInstanceUIDs, method }),
      ),
    );
}

function sendCommand(): Command {
  return new Command('send')
    .description('send studies of this library to a peer, as they are (C-STORE, STOW-RS)')
    .argument('<peer>')
    .argument('<studyInstanceUID...>', 'from `imagiq studies --json`')
    .action((peer: string, studyInstanceUIDs: string[], _options: unknown, command: Command) =>
      transfer(contextOf(command), 'sent', (station) => station.call('send-studies', { peer, studyInstanceUIDs })),
    );
}

async function transfer(
  { output, withStation }: Context,
  done: string,
  run: (station: StationLink) => Promise<TransferReport>,
): Promise<void> {
  const report = await withStation(async (station) => {
    station.listen('transfer-progress', ({ completed, failed, total }) =>
      output.progress(`${completed} of ${total ?? '?'} instances, ${failed} failed`),
    );
    const cancel = (): void => {
      output.log(`Cancelling; what was ${done} stays.`);
      void station.call('cancel-transfer', {});
    };
    process.once('SIGINT', cancel);
    return run(station).finally(() => process.off('SIGINT', cancel));
  });
  output.result(report, () => reportText(report, done));
  if (report.cancelled || report.failed > 0) process.exitCode = exitCode.failed;
}

function reportText(
  { studies, completed, duplicates, failed, failures, seconds, cancelled }: TransferReport,
  done: string,
): string {
  const already = duplicates > 0 ? `, ${duplicates} were here already` : '';
  const lines = [
    `${completed} instances of ${studies} studies ${done}${already}, ${failed} failed (${seconds.toFixed(1)} s).`,
  ];
  if (cancelled) lines.push('Cancelled before the end: the same command continues.');
  for (const why of failures.slice(0, failuresShown)) lines.push(`  ${why}`);
  if (failures.length > failuresShown)
    lines.push(`  … and ${failures.length - failuresShown} more (--json lists them)`);
  return lines.join('\n');
}

interface ReceiveOptions {
  port?: number;
  aeTitle?: string;
  allow?: string[];
  certificate?: string;
  key?: string;
  authority?: string;
}

function receiveCommand(): Command {
  return new Command('receive')
    .description('receive what other nodes send (C-STORE), until Ctrl+C; without options as it was set up last')
    .option('--port <number>', 'port to listen on', peerPort)
    .option('--ae-title <title>', 'AE title of this station', aeTitle)
    .option('--allow <title...>', 'AE titles that may send; nobody else may', (value: string, all?: string[]) => [
      ...(all ?? []),
      aeTitle(value),
    ])
    .option('--certificate <file>', 'PEM file, for TLS')
    .option('--key <file>', 'PEM file, for TLS')
    .option('--authority <file>', 'PEM file: senders must show a certificate that this authority signed')
    .action(async (options: ReceiveOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      await withStation(async (station) => {
        const before = (await station.call('receiver', {})).settings;
        const file = (name: string | undefined, kept: string | null): string | null =>
          name === undefined ? kept : path.resolve(name);
        const settings = receiverSettingsSchema.parse({
          isEnabled: true,
          port: options.port ?? before.port,
          aeTitle: options.aeTitle ?? before.aeTitle,
          allowedAETitles: options.allow ?? before.allowedAETitles,
          certificateFile: file(options.certificate, before.certificateFile),
          keyFile: file(options.key, before.keyFile),
          authorityFile: file(options.authority, before.authorityFile),
        });
        const interrupted = new Promise<void>((resolve) => {
          process.once('SIGINT', () => resolve());
          process.once('SIGTERM', () => resolve());
        });
        const state = await station.call('configure-receiver', { settings });
        if (!state.isListening) {
          await station.call('configure-receiver', { settings: before });
          output.result(state, () => state.problem ?? 'The receiver does not listen.');
          process.exitCode = exitCode.failed;
          return;
        }
        if (settings.allowedAETitles.length === 0)
          output.log('Nobody may send yet: name senders with --allow AE_TITLE.');
        output.log(`${settings.aeTitle} listens on port ${settings.port}. Ctrl+C ends it.`);
        let told = state.refused;
        station.listen('receiver-changed', ({ received, duplicates, refused, associations, refusals }) => {
          output.progress(
            `${received} received (${duplicates} again), ${refused} refused, ${associations} associations`,
          );
          for (const { aeTitle: title, reason } of refusals.slice(0, Math.max(0, refused - told)).reverse()) {
            output.log(`Refused ${title}: ${reason}`);
          }
          told = refused;
        });
        await interrupted;
        // What the app had set up stays as it was.
        await station.call('configure-receiver', { settings: { ...settings, isEnabled: before.isEnabled } });
        const { received, duplicates, refused, studies, refusals } = await station.call('receiver', {});
        output.result({ received, duplicates, refused, studies, refusals }, () =>
          [
            `${received} instances received, ${refused} refused.`,
            ...studies.map((study) => `  ${study.studyInstanceUID}: ${study.instances}`),
          ].join('\n'),
        );
      });
    });
}

function aeTitle(text: string): string {
  const title = aeTitleSchema.safeParse(text);
  if (!title.success) throw new InvalidArgumentError('must be an AE title: 1 to 16 ASCII characters, no backslash.');
  return title.data;
}

function peerPort(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError('must be a port, 1 to 65535.');
  }
  return value;
}
