// What a DIMSE peer can be asked (PS3.4 A, B, C; PS3.7), each on an association of its own.
import type { DimsePeer } from '../../../contract/pacs.ts';
import { pacsFault } from '../faults.ts';
import type { PeerClient } from '../peer-client.ts';
import { commands } from './command-set.ts';
import { queries } from './find.ts';
import { findSeries, findStudies } from './find-studies.ts';
import { type PeerCall, type PeerLimits, peerLimits, withAssociation } from './peer-connection.ts';
import { type MoveTarget, retrieveStudy } from './retrieve-study.ts';
import { sendInstances } from './send-instances.ts';
import { sopClasses } from './sop-classes.ts';
import { uncompressedSyntaxes } from './transfer-syntax-names.ts';

export interface DimseClientOptions {
  /** How this station calls itself; the receiver's AE title, so that peers need to know one only. */
  readonly aeTitle: string;
  /** Where C-MOVE sends to; null where there is none. */
  readonly receiver: MoveTarget | null;
  readonly limits?: PeerLimits;
}

export function dimseClient(
  peer: DimsePeer,
  { aeTitle, receiver, limits = peerLimits }: DimseClientOptions,
): PeerClient {
  const callOf = (signal: AbortSignal): PeerCall => ({ peer, aeTitle, limits, signal });
  return {
    echo(signal) {
      const proposal = { abstractSyntax: sopClasses.verification, transferSyntaxes: uncompressedSyntaxes };
      return withAssociation(callOf(signal), [proposal], [], async ({ association, context }) => {
        const agreed = context(sopClasses.verification);
        if (agreed === null) throw pacsFault.notOffered(peer.name, 'verification (C-ECHO)');
        const startedMs = performance.now();
        const command = {
          commandField: commands.echoRequest,
          affectedSOPClassUID: sopClasses.verification,
          messageID: 1,
        };
        await association.send(agreed.id, command, null);
        const message = await association.receive();
        if (message === null) throw pacsFault.cutOff(peer.name);
        const { status = 0xc000 } = message.command;
        if (status !== 0) throw pacsFault.refused(peer.name, `status ${status.toString(16)} in answer to C-ECHO`);
        return performance.now() - startedMs;
      });
    },
    find: (query, signal) =>
      withAssociation(callOf(signal), [queries], [], (peerAssociation, onCancel) =>
        findStudies(peerAssociation, query, { peerName: peer.name, onCancel }),
      ),
    findSeries: (studyInstanceUID, signal) =>
      withAssociation(callOf(signal), [queries], [], (peerAssociation, onCancel) =>
        findSeries(peerAssociation, studyInstanceUID, { peerName: peer.name, onCancel }),
      ),
    retrieve: (studyInstanceUID, options) => retrieveStudy(callOf(options.signal), studyInstanceUID, options, receiver),
    async send(files, options) {
      if (files.length > 0) await sendInstances(callOf(options.signal), files, options);
    },
  };
}
