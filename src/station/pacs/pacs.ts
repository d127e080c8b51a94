// The station's network side for DICOM: peers, transfers and the receiver, composed.
import type { EventName, EventValue } from '../../contract/calls.ts';
import type { Peer, ReceiverSettings, ReceiverState } from '../../contract/pacs.ts';
import type { InstanceIntake } from '../library/instance-intake.ts';
import { dicomwebClient } from './dicomweb/dicomweb-client.ts';
import { pacsFault } from './faults.ts';
import { openPeerBook, type PeerBook } from './peer-book.ts';
import type { PeerClient } from './peer-client.ts';
import { openTransfers, type Transfers } from './transfers.ts';

export interface Pacs {
  readonly book: PeerBook;
  readonly transfers: Transfers;
  /** A client for the peer of this name. @throws Fault 650. */
  client(name: string): PeerClient;
  receiver(): ReceiverState;
  configureReceiver(settings: ReceiverSettings): Promise<ReceiverState>;
  /** Ends the running transfer and the receiver. */
  close(): Promise<void>;
}

export interface PacsOptions {
  /** The home folder. */
  readonly folder: string;
  /** Where arriving instances go. */
  readonly intake: InstanceIntake;
  readonly onEvent: <N extends EventName>(event: N, value: EventValue<N>) => void;
}

/** @throws Fault 663 when the list of peers is damaged. */
export function openPacs({ folder, onEvent }: PacsOptions): Promise<Pacs> {
  const book = openPeerBook(folder);
  const transfers = openTransfers((progress) => onEvent('transfer-progress', progress));
  return Promise.resolve({
    book,
    transfers,
    client: (name) => clientOf(book.peer(name)),
    receiver: () => idleReceiver(book.receiver()),
    configureReceiver() {
      return Promise.reject(pacsFault.notYet('The receiver'));
    },
    close: () => transfers.close(),
  });
}

function clientOf(peer: Peer): PeerClient {
  if (peer.kind === 'dicomweb') return dicomwebClient(peer);
  throw pacsFault.notYet('Speaking DIMSE');
}

function idleReceiver(settings: ReceiverSettings): ReceiverState {
  return {
    settings,
    isListening: false,
    problem: null,
    associations: 0,
    received: 0,
    duplicates: 0,
    refused: 0,
    lastReceivedAt: null,
    refusals: [],
  };
}
