import type { Rejection } from './pdu.ts';

/** The peer broke PS3.7 or PS3.8; the association is aborted. `message` says how, never with a patient's data. */
export class ProtocolError extends Error {}

/** The connection ended, was aborted or timed out before what was awaited had come. */
export class AssociationEnded extends Error {
  readonly kind: 'closed' | 'aborted-by-peer' | 'aborted' | 'timed-out';
  /** How long the peer was waited for, where it timed out. */
  readonly waitedMs: number;

  constructor(kind: AssociationEnded['kind'], message: string, waitedMs = 0, cause?: Error) {
    super(message, { cause });
    this.kind = kind;
    this.waitedMs = waitedMs;
  }
}

/** The peer answered the proposal with A-ASSOCIATE-RJ. */
export class AssociationRejected extends Error {
  readonly rejection: Rejection;

  constructor(rejection: Rejection) {
    super(`rejected ${rejection.result}/${rejection.source}/${rejection.reason}`);
    this.rejection = rejection;
  }
}
