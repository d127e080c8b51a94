// DIMSE command sets (PS3.7 E): implicit little endian, group 0000 only.
import { ProtocolError } from './protocol-error.ts';

export const commands = {
  storeRequest: 0x0001,
  storeResponse: 0x8001,
  getRequest: 0x0010,
  getResponse: 0x8010,
  findRequest: 0x0020,
  findResponse: 0x8020,
  moveRequest: 0x0021,
  moveResponse: 0x8021,
  echoRequest: 0x0030,
  echoResponse: 0x8030,
  cancelRequest: 0x0fff,
} as const;

const elements = {
  affectedSOPClassUID: { element: 0x0002, kind: 'uid' },
  commandField: { element: 0x0100, kind: 'us' },
  messageID: { element: 0x0110, kind: 'us' },
  messageIDBeingRespondedTo: { element: 0x0120, kind: 'us' },
  moveDestination: { element: 0x0600, kind: 'text' },
  priority: { element: 0x0700, kind: 'us' },
  commandDataSetType: { element: 0x0800, kind: 'us' },
  status: { element: 0x0900, kind: 'us' },
  errorComment: { element: 0x0902, kind: 'text' },
  affectedSOPInstanceUID: { element: 0x1000, kind: 'uid' },
  numberOfRemainingSuboperations: { element: 0x1020, kind: 'us' },
  numberOfCompletedSuboperations: { element: 0x1021, kind: 'us' },
  numberOfFailedSuboperations: { element: 0x1022, kind: 'us' },
  numberOfWarningSuboperations: { element: 0x1023, kind: 'us' },
  moveOriginatorApplicationEntityTitle: { element: 0x1030, kind: 'text' },
  moveOriginatorMessageID: { element: 0x1031, kind: 'us' },
} as const;

type Name = keyof typeof elements;
type ValueOf<N extends Name> = (typeof elements)[N]['kind'] extends 'us' ? number : string;

/** Keywords in lower camel case. What a command does not have is absent. */
export type CommandSet = { readonly [N in Name]?: ValueOf<N> } & { readonly commandField: number };

const byElement = new Map(
  (Object.entries(elements) as [Name, (typeof elements)[Name]][]).map(([name, { element, kind }]) => [
    element as number,
    { name, kind },
  ]),
);
/** CommandDataSetType where no data set follows (PS3.7 E.1). */
const noDataSet = 0x0101;

export const hasDataSet = (command: CommandSet): boolean => command.commandDataSetType !== noDataSet;

/** `isWithDataSet` is written as CommandDataSetType. */
export function encodeCommand(command: CommandSet, isWithDataSet: boolean): Buffer {
  const values = new Map<string, string | number>(
    Object.entries({
      ...command,
      commandDataSetType: isWithDataSet ? 0x0001 : noDataSet,
    }),
  );
  const body: Buffer[] = [];
  for (const [element, { name, kind }] of byElement) {
    const value = values.get(name);
    if (value === undefined) continue;
    body.push(commandElement(element, encodeValue(value, kind)));
  }
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(body.reduce((sum, bytes) => sum + bytes.length, 0));
  return Buffer.concat([commandElement(0, groupLength), ...body]);
}

function encodeValue(value: string | number, kind: 'us' | 'uid' | 'text'): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return bytes;
  }
  const padding = value.length % 2 === 0 ? '' : kind === 'uid' ? '\0' : ' ';
  return Buffer.from(value + padding, 'latin1');
}

function commandElement(element: number, value: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}

/** Unknown elements are passed over. @throws ProtocolError. */
export function decodeCommand(bytes: Buffer): CommandSet {
  const found: Record<string, string | number> = {};
  let at = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw new ProtocolError('a command ends inside an element');
    const group = bytes.readUInt16LE(at);
    const length = bytes.readUInt32LE(at + 4);
    const end = at + 8 + length;
    if (end > bytes.length) throw new ProtocolError('a command element is longer than its command');
    const known = group === 0 ? byElement.get(bytes.readUInt16LE(at + 2)) : undefined;
    const value = bytes.subarray(at + 8, end);
    if (known?.kind === 'us') {
      if (value.length >= 2) found[known.name] = value.readUInt16LE(0);
    } else if (known !== undefined) {
      found[known.name] = value
        .toString('latin1', 0, Math.min(length, 1_024))
        .replace(/[\0 ]+$/, '')
        .trim();
    }
    at = end;
  }
  const { commandField } = found;
  if (typeof commandField !== 'number') throw new ProtocolError('a command has no CommandField');
  // Each name was filled with the kind that the table gives it.
  return { ...found, commandField } as CommandSet;
}
