// pacs peers, add, remove, echo: whom this station knows.
import path from 'node:path';
import { Command } from 'commander';
import { type Peer, peerSchema } from '../../../contract/pacs.ts';
import { contextOf } from '../../context.ts';
import { exitCode, table } from '../../output.ts';
import { aeTitle, peerPort } from './options.ts';

/** The password of a DICOMweb peer, for `add`: what is written on a command line is seen by every process. */
const passwordVariable = 'IMAGIQ_PEER_PASSWORD';

export function peersCommand(): Command {
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
  certificate?: string;
  key?: string;
}

export function addCommand(): Command {
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
    .option('--certificate <file>', 'PEM file of this station’s certificate, for a peer that asks for one')
    .option('--key <file>', 'PEM file of the certificate’s key')
    .action(async (name: string, options: AddOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const peer = peerSchema.safeParse(peerOf(name, options));
      if ((options.certificate === undefined) !== (options.key === undefined))
        return command.error('error: --certificate and --key go together.', { exitCode: exitCode.wrongUse });
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
      if (options.user !== undefined && process.env[passwordVariable] === undefined)
        output.log(
          `No password was given: ${name} keeps the one that it has, or has none. Set ${passwordVariable} to give one.`,
        );
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

function peerOf(name: string, options: AddOptions): unknown {
  const { aeTitle: title, host, port, tls, url, user, authority, certificate, key } = options;
  const authorityFile = authority === undefined ? null : path.resolve(authority);
  const identity =
    certificate === undefined || key === undefined
      ? null
      : { certificateFile: path.resolve(certificate), keyFile: path.resolve(key) };
  if (url === undefined) {
    return { kind: 'dimse', name, aeTitle: title, host, port, isTls: tls ?? false, authorityFile, identity };
  }
  const password = process.env[passwordVariable] ?? null;
  return { kind: 'dicomweb', name, url, user: user ?? null, password, authorityFile, identity };
}

export function removeCommand(): Command {
  return new Command('remove')
    .description('forget a peer')
    .argument('<peer>')
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      await withStation((station) => station.call('delete-peer', { peer }));
      output.result({ removed: peer }, () => `${peer} was removed.`);
    });
}

export function echoCommand(): Command {
  return new Command('echo')
    .description('ask a peer whether it is there (C-ECHO; a DICOMweb server: one study)')
    .argument('<peer>')
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const answer = await withStation((station) => station.call('echo-peer', { peer }));
      output.result(answer, () => `${peer} answered in ${answer.milliseconds.toFixed(0)} ms.`);
    });
}
