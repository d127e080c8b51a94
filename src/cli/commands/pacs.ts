// pacs: peers, queries, transfers and the receiver from the command line, for DIMSE and DICOMweb peers alike.
import { Command } from 'commander';
import { addCommand, echoCommand, peersCommand, removeCommand } from './pacs/peers.ts';
import { findCommand } from './pacs/find.ts';
import { receiveCommand } from './pacs/receive.ts';
import { retrieveCommand, sendCommand } from './pacs/transfer.ts';

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
