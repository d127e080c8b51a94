// The contract's calls about peers and the receiver, answered.
import type { Answers } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import type { pacsCalls } from '../../contract/pacs.ts';
import type { Station } from '../open-station.ts';

const notYet = (): never => {
  throw new Fault({ code: 619, message: 'Peers are not part of this version yet.', retry: 'never' });
};

export function pacsAnswers(_station: Station): Answers<keyof typeof pacsCalls> {
  return {
    peers: notYet,
    'save-peer': notYet,
    'delete-peer': notYet,
    'echo-peer': notYet,
    'find-studies': notYet,
    'retrieve-studies': notYet,
    'send-studies': notYet,
    'cancel-transfer': notYet,
    receiver: notYet,
    'configure-receiver': notYet,
  };
}
