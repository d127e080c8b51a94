// Protocol data units of the upper layer (PS3.8 9.3), as far as they are read or written whole. P-DATA-TF is taken apart
// as it streams in: pdu-reader.ts.
import { implementationClassUID } from '../../library/part10-head.ts';
import { ProtocolError } from './protocol-error.ts';

export const pduTypes = {
  associateRequest: 0x01,
  associateAccept: 0x02,
  associateReject: 0x03,
  data: 0x04,
  releaseRequest: 0x05,
  releaseResponse: 0x06,
  abort: 0x07,
} as const;

/** One presentation context as it is proposed (PS3.8 9.3.2.2). */
export interface ProposedContext {
  /** Odd, 1 to 255. */
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

/** PS3.8 9.3.3.2: 0 accepted, 3 abstract syntax, 4 transfer syntaxes not supported. */
export interface AnsweredContext {
  readonly id: number;
  readonly result: number;
  readonly transferSyntax: string;
}

/** Who stores where roles are turned round, as in C-GET (PS3.7 D.3.3.4). */
export interface Role {
  readonly sopClassUID: string;
  readonly isUser: boolean;
  readonly isProvider: boolean;
}

interface Titles {
  readonly calledAETitle: string;
  readonly callingAETitle: string;
  /** Longest P-DATA-TF that its sender takes; 0 for no limit. */
  readonly maxPduBytes: number;
  readonly roles: readonly Role[];
}

export interface AssociateRequest extends Titles {
  readonly contexts: readonly ProposedContext[];
}

export interface AssociateAccept extends Titles {
  readonly contexts: readonly AnsweredContext[];
}

/** PS3.8 table 9-21. */
export interface Rejection {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
}

const applicationContext = '1.2.840.10008.3.1.1.1';
/** Root of our ImplementationClassUID: a UUID-derived UID (PS3.5 B.2). */
export const implementationVersionName = 'IMAGIQ_1';

const itemTypes = {
  applicationContext: 0x10,
  proposedContext: 0x20,
  answeredContext: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maxLength: 0x51,
  implementationClass: 0x52,
  role: 0x54,
  implementationVersion: 0x55,
} as const;

const contextLimit = 128;
const syntaxLimit = 256;

function pdu(type: number, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    2,
  );
  return Buffer.concat([header, ...parts]);
}

function item(type: number, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt8(type, 0);
  header.writeUInt16BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    2,
  );
  return Buffer.concat([header, ...parts]);
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

function titles(pduTitles: Titles): Buffer {
  const head = Buffer.alloc(68);
  head.writeUInt16BE(1, 0);
  head.write(pduTitles.calledAETitle.padEnd(16).slice(0, 16), 4, 'latin1');
  head.write(pduTitles.callingAETitle.padEnd(16).slice(0, 16), 20, 'latin1');
  return head;
}

function userInformation({ maxPduBytes, roles }: Titles): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(maxPduBytes);
  return item(
    itemTypes.userInformation,
    item(itemTypes.maxLength, length),
    item(itemTypes.implementationClass, text(implementationClassUID)),
    ...roles.map(({ sopClassUID, isUser, isProvider }) => {
      const uidLength = Buffer.alloc(2);
      uidLength.writeUInt16BE(sopClassUID.length);
      const flags = Buffer.from([isUser ? 1 : 0, isProvider ? 1 : 0]);
      return item(itemTypes.role, uidLength, text(sopClassUID), flags);
    }),
    item(itemTypes.implementationVersion, text(implementationVersionName)),
  );
}

export function encodeAssociateRequest(request: AssociateRequest): Buffer {
  return pdu(
    pduTypes.associateRequest,
    titles(request),
    item(itemTypes.applicationContext, text(applicationContext)),
    ...request.contexts.map(({ id, abstractSyntax, transferSyntaxes }) =>
      item(
        itemTypes.proposedContext,
        Buffer.from([id, 0, 0, 0]),
        item(itemTypes.abstractSyntax, text(abstractSyntax)),
        ...transferSyntaxes.map((uid) => item(itemTypes.transferSyntax, text(uid))),
      ),
    ),
    userInformation(request),
  );
}

export function encodeAssociateAccept(accept: AssociateAccept): Buffer {
  return pdu(
    pduTypes.associateAccept,
    titles(accept),
    item(itemTypes.applicationContext, text(applicationContext)),
    ...accept.contexts.map(({ id, result, transferSyntax }) =>
      item(
        itemTypes.answeredContext,
        Buffer.from([id, 0, result, 0]),
        item(itemTypes.transferSyntax, text(transferSyntax)),
      ),
    ),
    userInformation(accept),
  );
}

export const encodeReject = ({ result, source, reason }: Rejection): Buffer =>
  pdu(pduTypes.associateReject, Buffer.from([0, result, source, reason]));
export const encodeReleaseRequest = (): Buffer => pdu(pduTypes.releaseRequest, Buffer.alloc(4));
export const encodeReleaseResponse = (): Buffer => pdu(pduTypes.releaseResponse, Buffer.alloc(4));
/** `source` 0: the user, 2: this layer (PS3.8 9.3.8). */
export const encodeAbort = (source: 0 | 2): Buffer => pdu(pduTypes.abort, Buffer.from([0, 0, source, 0]));

/** @throws ProtocolError. */
export function decodeReject(body: Buffer): Rejection {
  if (body.length < 4) throw new ProtocolError('a rejection is too short');
  return { result: body[1]!, source: body[2]!, reason: body[3]! };
}

/** @throws ProtocolError. */
export function decodeAssociateRequest(body: Buffer): AssociateRequest {
  const contexts: ProposedContext[] = [];
  const decoded = decodeAssociate(body, (type, value) => {
    if (type !== itemTypes.proposedContext) return;
    if (contexts.length >= contextLimit) throw new ProtocolError('more than 128 presentation contexts');
    const proposal = decodeProposedContext(value);
    if (contexts.some(({ id }) => id === proposal.id)) throw new ProtocolError('a presentation context ID comes twice');
    contexts.push(proposal);
  });
  if (contexts.length === 0) throw new ProtocolError('no presentation context was proposed');
  return { ...decoded, contexts };
}

/** @throws ProtocolError. */
export function decodeAssociateAccept(body: Buffer): AssociateAccept {
  const contexts: AnsweredContext[] = [];
  const decoded = decodeAssociate(body, (type, value) => {
    if (type !== itemTypes.answeredContext || value.length < 4) return;
    if (contexts.length >= contextLimit) throw new ProtocolError('more than 128 presentation contexts');
    let transferSyntax = '';
    for (const sub of items(value.subarray(4)))
      if (sub.type === itemTypes.transferSyntax) transferSyntax = uidOf(sub.value);
    contexts.push({ id: value[0]!, result: value[2]!, transferSyntax });
  });
  return { ...decoded, contexts };
}

function decodeAssociate(body: Buffer, onItem: (type: number, value: Buffer) => void): Titles {
  if (body.length < 68) throw new ProtocolError('an association PDU is too short');
  if ((body.readUInt16BE(0) & 1) === 0) throw new ProtocolError('another version of the upper layer protocol');
  const roles: Role[] = [];
  let maxPduBytes = 0;
  for (const { type, value } of items(body.subarray(68))) {
    if (type !== itemTypes.userInformation) {
      onItem(type, value);
      continue;
    }
    for (const sub of items(value)) {
      if (sub.type === itemTypes.maxLength && sub.value.length >= 4) maxPduBytes = sub.value.readUInt32BE(0);
      if (sub.type === itemTypes.role && roles.length < contextLimit) {
        const role = decodeRole(sub.value);
        if (role !== null) roles.push(role);
      }
    }
  }
  return {
    calledAETitle: body.toString('latin1', 4, 20).trim(),
    callingAETitle: body.toString('latin1', 20, 36).trim(),
    maxPduBytes,
    roles,
  };
}

function decodeRole(value: Buffer): Role | null {
  if (value.length < 4) return null;
  const length = value.readUInt16BE(0);
  if (value.length < 4 + length) return null;
  return {
    sopClassUID: uidOf(value.subarray(2, 2 + length)),
    isUser: value[2 + length] === 1,
    isProvider: value[3 + length] === 1,
  };
}

function decodeProposedContext(value: Buffer): ProposedContext {
  if (value.length < 4) throw new ProtocolError('a presentation context is too short');
  const id = value[0]!;
  if (id % 2 === 0) throw new ProtocolError('a presentation context has an even ID');
  let abstractSyntax = '';
  const transferSyntaxes: string[] = [];
  for (const sub of items(value.subarray(4))) {
    if (sub.type === itemTypes.abstractSyntax) abstractSyntax = uidOf(sub.value);
    if (sub.type === itemTypes.transferSyntax && transferSyntaxes.length < syntaxLimit) {
      transferSyntaxes.push(uidOf(sub.value));
    }
  }
  return { id, abstractSyntax, transferSyntaxes };
}

function* items(bytes: Buffer): Generator<{ type: number; value: Buffer }> {
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw new ProtocolError('an item is cut off');
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) throw new ProtocolError('an item is longer than what holds it');
    yield { type: bytes[at]!, value: bytes.subarray(at + 4, end) };
    at = end;
  }
}

/** A UID; anything else becomes the empty text, which is supported by nobody. */
function uidOf(bytes: Buffer): string {
  const uid = bytes.toString('latin1').replace(/[\0 ]+$/, '');
  return /^[0-9.]{1,64}$/.test(uid) ? uid : '';
}
