// The station's network side for DICOM: peers, transfers and the receiver, composed.
import type { EventName, EventValue } from '../../contract/calls.ts';
import type { Peer } from '../../contract/pacs.ts';
import type { Library } from '../library/library.ts';
import { dicomwebClient } from './dicomweb/dicomweb-client.ts';
import { dimseClient } from './dimse/dimse-client.ts';
import { openPeerBook, type PeerBook } from './peer-book.ts';
import type { PeerClient } from './peer-client.ts';
import { openReceiver, type Receiver } from './receiver/receiver.ts';
import { openTransfers, type Transfers } from './transfers.ts';

export interface Pacs {
  readonly book: PeerBook;
  readonly transfers: Transfers;
  readonly receiver: Receiver;
  /** A client for the peer of this name. @throws Fault 650. */
  client(name: string): PeerClient;
  /** Ends the running transfer and the receiver. */
  close(): Promise<void>;
}

export interface PacsOptions {
  /** The home folder. */
  readonly folder: string;
  /** Where arriving instances go. */
  readonly library: Pick<Library, 'intake' | 'arrivals'>;
  readonly onEvent: <N extends EventName>(event: N, value: EventValue<N>) => void;
}

/** @throws Fault 663 when the list of peers is damaged. */
export function openPacs({ folder, library, onEvent }: PacsOptions): Pacs {
  const book = openPeerBook(folder);
  const transfers = openTransfers((progress) => onEvent('transfer-progress', progress));
  const receiver = openReceiver({
    folder,
    intake: library.intake(),
    onChange: (state) => onEvent('receiver-changed', state),
  });
  receiver.watch(({ sourceAETitle, accepted, sopInstanceUID }) =>
    library.arrivals.came(`Sent by ${sourceAETitle}`, accepted, sopInstanceUID),
  );
  return {
    book,
    transfers,
    receiver,
    client: (name) => clientOf(book.peer(name), receiver),
    async close() {
      await Promise.all([transfers.close(), receiver.close()]);
      await library.arrivals.write();
    },
  };
}

function clientOf(peer: Peer, receiver: Receiver): PeerClient {
  if (peer.kind === 'dicomweb') return dicomwebClient(peer);
  return dimseClient(peer, { aeTitle: receiver.state().settings.aeTitle, receiver });
}
