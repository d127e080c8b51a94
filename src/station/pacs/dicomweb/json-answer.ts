// An answer in DICOM JSON, read whole within a limit.
import { pacsFault } from '../faults.ts';
import { type DicomJson, dicomJsonListSchema } from './dicom-json.ts';
import type { HttpAnswer } from './http-exchange.ts';
import { parseContentType } from './multipart.ts';

export const dicomJsonType = 'application/dicom+json';

/**
 * The data sets of an answer with status 200; none for 204, and for an empty body.
 * @throws Fault 656 (404), 657 (not DICOM JSON), 658 (any other status), 659 (beyond `limitBytes`), and those of the body.
 */
export async function jsonAnswer(peer: string, answer: HttpAnswer, limitBytes: number): Promise<DicomJson[]> {
  const { status } = answer;
  if (status === 204) {
    answer.drop();
    return [];
  }
  if (status !== 200) {
    answer.drop();
    throw questionFault(peer, status);
  }
  const { type } = parseContentType(answer.headers['content-type'] ?? '');
  if (type !== dicomJsonType && type !== 'application/json') {
    answer.drop();
    throw pacsFault.notDicom(peer, type === '' ? 'it does not say what it is' : `it is ${type.slice(0, 100)}`);
  }
  return parseDataSets(peer, await wholeBody(peer, answer, limitBytes));
}

/** @throws Fault 657 when `bytes` are not a list of data sets. */
export function parseDataSets(peer: string, bytes: Buffer): DicomJson[] {
  if (bytes.length === 0) return [];
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw pacsFault.notDicom(peer, 'its JSON is broken');
  }
  const list = dicomJsonListSchema.safeParse(value);
  if (!list.success) throw pacsFault.notDicom(peer, 'its JSON is not the list of data sets that was asked for');
  return list.data;
}

/** A question that is as QIDO-RS has it and not taken: perhaps another interface of the server listens there. */
function questionFault(peer: string, status: number): ReturnType<typeof pacsFault.refused> {
  if (status !== 400 && status !== 405) return statusFault(peer, status);
  return pacsFault.refused(
    peer,
    `it did not take the question (HTTP ${status}). Its DICOMweb service may have another address, which ends where “/studies” begins`,
  );
}

export function statusFault(peer: string, status: number): ReturnType<typeof pacsFault.refused> {
  if (status === 404 || status === 410) return pacsFault.noSuchPlace(peer);
  if (status >= 500) return pacsFault.refused(peer, `it has an error of its own (HTTP ${status}); try again later`);
  return pacsFault.refused(peer, `it did not take the question (HTTP ${status})`);
}

/** @throws Fault 659 beyond `limitBytes`. */
export async function wholeBody(peer: string, answer: HttpAnswer, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > limitBytes) {
      answer.drop();
      throw pacsFault.tooLarge(peer, `an answer of more than ${Math.round(limitBytes / 1e6)} MB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
