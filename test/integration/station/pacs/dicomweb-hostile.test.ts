// A DICOMweb client against servers that are broken or mean harm.
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type net from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { remoteQuerySchema } from '../../../../src/contract/pacs.ts';
import type { Accepted } from '../../../../src/station/library/instance-intake.ts';
import { dicomwebClient, type DicomwebLimits } from '../../../../src/station/pacs/dicomweb/dicomweb-client.ts';
import { type HttpExchange, httpExchange } from '../../../../src/station/pacs/dicomweb/http-exchange.ts';
import { storeFiles } from '../../../../src/station/pacs/dicomweb/stow.ts';
import type { PeerClient } from '../../../../src/station/pacs/peer-client.ts';
import { type Hospital, hospital, importFolder, instancesOf, writeStudies } from './dicomweb-hospital.ts';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

async function server(handler: Handler): Promise<string> {
  const one = http.createServer(handler);
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    one.closeAllConnections();
    one.close();
  });
  return `http://127.0.0.1:${(one.address() as net.AddressInfo).port}`;
}

function clientAt(url: string, limits: Partial<DicomwebLimits> = {}): PeerClient {
  return dicomwebClient(
    { kind: 'dicomweb', name: 'Archive', url, user: 'anne', password: 'secret', authorityFile: null, identity: null },
    limits,
  );
}

const never = new AbortController().signal;
const study = '1.2.826.9.1';
const anyStudy = remoteQuerySchema.parse({});
const json = (response: http.ServerResponse, value: unknown): void => {
  response.setHeader('content-type', 'application/dicom+json');
  response.end(JSON.stringify(value));
};
const instanceJson = (uid: string): unknown => ({
  '0020000E': { vr: 'UI', Value: [uid.split('.').slice(0, -1).join('.')] },
  '00080018': { vr: 'UI', Value: [uid] },
});

/** A study of four instances as a server would send it. */
async function fourInstances(): Promise<{
  parts: Buffer[];
  uids: string[];
  place: Hospital;
}> {
  const place = hospital();
  const folder = writeStudies(place.folder, { root: '1.2.826.9', studies: [{ instances: 4 }] });
  const source = hospital();
  await importFolder(source.library, folder);
  const files = [...instancesOf(source.library, study)];
  const parts = files.map(([, file]) =>
    Buffer.concat([
      Buffer.from('--b1\r\nContent-Type: application/dicom\r\n\r\n'),
      readFileSync(file),
      Buffer.from('\r\n'),
    ]),
  );
  return { parts, uids: files.map(([uid]) => uid), place };
}

async function retrieve(
  client: PeerClient,
  place: Hospital,
): Promise<{ accepted: Accepted[]; failures: string[]; fault: unknown }> {
  const accepted: Accepted[] = [];
  const failures: string[] = [];
  const fault = await client
    .retrieve(study, {
      method: 'get',
      signal: never,
      intake: place.library.intake(),
      isHere: (uid) => place.library.instanceFile(uid) !== null,
      onInstance: (one) => accepted.push(one),
      onFailure: (why) => failures.push(why),
      onTotal: () => {},
    })
    .then(
      () => null,
      (error: unknown) => error,
    );
  return { accepted, failures, fault };
}

const multipart = (response: http.ServerResponse): void =>
  void response.setHeader('content-type', 'multipart/related; type="application/dicom"; boundary=b1');

/** Half files of the intake. */
const leftovers = (folder: string): string[] => {
  const incoming = path.join(folder, 'incoming');
  return existsSync(incoming) ? readdirSync(incoming).filter((name) => name.endsWith('.part')) : [];
};

test('a wrong address is told apart from a study that the peer does not hold', async () => {
  const place = hospital();
  const nowhere = await server((_request, response) => void response.writeHead(404).end());
  expect((await retrieve(clientAt(`${nowhere}/dicomweb`), place)).fault).toMatchObject({ code: 656 });

  // Orthanc's own interface below the root of its DICOMweb plug-in: it takes the question for studies in its own way.
  const other = await server((request, response) => {
    if (request.url === '/studies?limit=1') return void response.writeHead(400).end();
    response.writeHead(404).end();
  });
  const { fault } = await retrieve(clientAt(other), place);
  expect((fault as Error).message).toContain('may have another address');

  const without = await server((request, response) => {
    if (request.url === '/studies?limit=1') return json(response, []);
    response.writeHead(404).end();
  });
  expect((await retrieve(clientAt(without), place)).fault).toMatchObject({ code: 668 });
});

test('a body that breaks off is taken up: the rest is fetched, nothing twice', async () => {
  const { parts, uids, place } = await fourInstances();
  const asked: string[] = [];
  const url = await server((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://peer');
    if (pathname.endsWith('/instances')) return json(response, uids.map(instanceJson));
    asked.push(pathname);
    multipart(response);
    const wanted = uids.flatMap((uid, index) =>
      pathname.includes('/series/') && !uid.startsWith(pathname.split('/')[4] ?? '') ? [] : [index],
    );
    const only = wanted.filter((index) => !pathname.includes('/instances/') || pathname.endsWith(`/${uids[index]}`));
    if (asked.length === 1) {
      response.write(Buffer.concat([...parts.slice(0, 2), (parts[2] ?? Buffer.alloc(0)).subarray(0, 3_000)]), () =>
        response.destroy(),
      );
      return undefined;
    }
    return response.end(
      Buffer.concat([...only.map((index) => parts[index] ?? Buffer.alloc(0)), Buffer.from('--b1--')]),
    );
  });
  const { accepted, failures, fault } = await retrieve(clientAt(url), place);
  expect({ fault, failures }).toEqual({ fault: null, failures: [] });
  expect(accepted.map((one) => one.kind)).toEqual(['imported', 'imported', 'imported', 'imported']);
  expect(asked.length).toBeGreaterThan(1);
  expect(asked.slice(1).every((place) => place.includes('/series/'))).toBe(true);
  expect(leftovers(place.folder)).toEqual([]);
});

test('a refused part that comes again, because the body broke off after it, is told once', async () => {
  const { parts, uids, place } = await fourInstances();
  const refused = Buffer.from('--b1\r\nContent-Type: application/dicom\r\n\r\nnonsense\r\n');
  let bodies = 0;
  const url = await server((request, response) => {
    if (request.url?.includes('/instances?')) return json(response, uids.map(instanceJson));
    multipart(response);
    bodies += 1;
    if (bodies > 1) {
      // What is asked for anew is the one that was refused, and the two that had not come.
      const wanted = [refused, parts[2], parts[3]].map((part) => part ?? Buffer.alloc(0));
      return response.end(Buffer.concat([...(bodies === 2 ? wanted : []), Buffer.from('--b1--')]));
    }
    const half = (parts[2] ?? Buffer.alloc(0)).subarray(0, 3_000);
    response.write(Buffer.concat([refused, parts[1] ?? half, half]), () => response.destroy());
    return undefined;
  });
  const { accepted, failures, fault } = await retrieve(clientAt(url), place);
  expect({ fault, failures }).toEqual({ fault: null, failures: [] });
  expect(bodies).toBeGreaterThan(1);
  expect(accepted.map(({ kind }) => kind).toSorted()).toEqual(['imported', 'imported', 'imported', 'refused']);
});

test('what the peer did not send is named', async () => {
  const { parts, uids, place } = await fourInstances();
  const url = await server((request, response) => {
    if (request.url?.includes('/instances')) return json(response, uids.map(instanceJson));
    multipart(response);
    return response.end(Buffer.concat([...parts.slice(0, 3), Buffer.from('--b1--')]));
  });
  const { accepted, failures, fault } = await retrieve(clientAt(url), place);
  expect(fault).toBeNull();
  expect(accepted).toHaveLength(3);
  expect(failures).toEqual([`Instance ${uids[3]}: Archive did not send it.`]);
});

test('a peer that tells no instances is asked for the whole study', async () => {
  const { parts, place } = await fourInstances();
  const url = await server((request, response) => {
    if (request.url?.includes('/instances')) {
      response.statusCode = 501;
      return response.end();
    }
    multipart(response);
    return response.end(Buffer.concat([...parts, Buffer.from('--b1--')]));
  });
  const { accepted, fault } = await retrieve(clientAt(url), place);
  expect(fault).toBeNull();
  expect(accepted).toHaveLength(4);
});

test('parts that are not DICOM are refused one by one', async () => {
  const { parts, place } = await fourInstances();
  const url = await server((request, response) => {
    if (request.url?.includes('/instances')) return json(response, [{ odd: 1 }]);
    multipart(response);
    const nonsense = Buffer.from('--b1\r\nContent-Type: application/dicom\r\n\r\nnonsense\r\n');
    return response.end(Buffer.concat([nonsense, parts[0] ?? nonsense, Buffer.from('--b1--')]));
  });
  const { accepted, fault } = await retrieve(clientAt(url), place);
  expect(fault).toBeNull();
  expect(accepted.map(({ kind }) => kind).toSorted()).toEqual(['imported', 'refused']);
});

test.each<[string, number, Handler]>([
  [
    'the wrong boundary',
    657,
    (_request, response) => (multipart(response), response.end('--other\r\n\r\n'.repeat(20_000))),
  ],
  [
    'no boundary',
    657,
    (_request, response) => (response.setHeader('content-type', 'multipart/related'), response.end('x')),
  ],
  [
    'a web page',
    657,
    (_request, response) => (response.setHeader('content-type', 'text/html'), response.end('<html>')),
  ],
  [
    'parts of another kind',
    657,
    (_request, response) => (multipart(response), response.end('--b1\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b1--')),
  ],
  [
    'a cut body',
    660,
    (_request, response) => (multipart(response), response.write('--b1\r\n\r\nab', () => response.destroy())),
  ],
  ['silence', 653, (_request, response) => (multipart(response), response.write('--b1\r\n\r\nab'))],
  [
    'an endless part',
    659,
    (_request, response) => {
      multipart(response);
      response.write('--b1\r\nContent-Type: application/dicom\r\n\r\n');
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
      };
      response.on('drain', more);
      more();
    },
  ],
])('a retrieval that meets %s ends with fault %i and leaves nothing behind', async (_what, code, body) => {
  const place = hospital();
  const url = await server((request, response) =>
    request.url?.includes('/instances') ? json(response, [instanceJson('1.2.826.9.1.1.1')]) : body(request, response),
  );
  const limits = { silenceMs: 1_000, instanceBytesLimit: 5_000_000, pageBytesLimit: 1_000_000 };
  const { accepted, fault } = await retrieve(clientAt(url, limits), place);
  expect(fault).toMatchObject({ code });
  expect(accepted).toEqual([]);
  await vi.waitFor(() => expect(leftovers(place.folder)).toEqual([]));
});

test.each<[string, number, Handler]>([
  [
    'a huge list',
    659,
    (_request, response) => (
      response.setHeader('content-type', 'application/json'),
      response.end(`[${'{},'.repeat(1_000_000)}{}]`)
    ),
  ],
  [
    'broken JSON',
    657,
    (_request, response) => (response.setHeader('content-type', 'application/json'), response.end('[{"0020000D":')),
  ],
  [
    'another JSON',
    657,
    (_request, response) => (response.setHeader('content-type', 'application/json'), response.end('{"error":"no"}')),
  ],
  [
    'a web page',
    657,
    (_request, response) => (response.setHeader('content-type', 'text/html'), response.end('<html>')),
  ],
  ['HTTP 401', 655, (_request, response) => ((response.statusCode = 401), response.end())],
  ['HTTP 404', 656, (_request, response) => ((response.statusCode = 404), response.end())],
  ['HTTP 500', 658, (_request, response) => ((response.statusCode = 500), response.end())],
  ['silence', 653, () => {}],
  ['an end without an answer', 652, (request) => request.socket.destroy()],
  ['what is not HTTP', 657, (request) => request.socket.end('SSH-2.0-OpenSSH\r\n')],
  ['a redirect to nowhere', 658, (_request, response) => response.writeHead(302, { location: 'http://[' }).end()],
  ['a redirect to itself', 658, (_request, response) => response.writeHead(302, { location: '/again' }).end()],
])('a question that is answered by %s ends with fault %i', async (_what, code, handler) => {
  const client = clientAt(await server(handler), { silenceMs: 1_000, pageBytesLimit: 1_000_000 });
  const fault = await client.find(anyStudy, never).catch((error: unknown) => error);
  expect(fault).toMatchObject({ code });
  expect(String(fault)).not.toMatch(/secret|YW5uZ/);
});

test('a password goes to no other server', async () => {
  const heard: unknown[] = [];
  const other = await server((request, response) => {
    heard.push(request.headers);
    json(response, []);
  });
  const client = clientAt(
    await server((_request, response) => response.writeHead(307, { location: `${other}/studies` }).end()),
  );
  await expect(client.find(anyStudy, never)).rejects.toMatchObject({ code: 661 });
  expect(heard).toEqual([]);
});

test('a server that ignores limit and offset is not asked for ever', async () => {
  let asked = 0;
  const page = Array.from({ length: 300 }, (_one, index) => ({
    '0020000D': { vr: 'UI', Value: [`1.2.${index}`] },
    '00100010': { vr: 'PN', Value: [null] },
    '00201208': { Value: ['7'] },
  }));
  const client = clientAt(await server((_request, response) => ((asked += 1), json(response, page))));
  const found = await client.find({ ...anyStudy, limit: 1_000 }, never);
  expect(found.studies).toHaveLength(300);
  expect(found.studies[0]).toMatchObject({ instances: 7, series: null, patientName: '' });
  expect(asked).toBeLessThan(4);
});

test('a cancel ends what is under way at once', async () => {
  const place = hospital();
  const control = new AbortController();
  const url = await server((request, response) => {
    if (request.url?.includes('/instances')) return json(response, [instanceJson('1.2.826.9.1.1.1')]);
    multipart(response);
    response.write('--b1\r\n\r\nab', () => control.abort());
    return undefined;
  });
  const ended = clientAt(url).retrieve(study, {
    method: 'get',
    signal: control.signal,
    intake: place.library.intake(),
    isHere: () => false,
    onInstance: () => {},
    onFailure: () => {},
    onTotal: () => {},
  });
  await expect(ended).rejects.toMatchObject({ code: 665 });
  expect(leftovers(place.folder)).toEqual([]);
});

test('what a server says of each instance that was sent is told', async () => {
  const place = hospital();
  await importFolder(place.library, writeStudies(place.folder, { root: '1.2.826.9', studies: [{ instances: 3 }] }));
  const [first = '', second = '', third = ''] = instancesOf(place.library, study).keys();
  const item = (uid: string, code?: number): unknown => ({
    '00081155': { Value: [uid] },
    ...(code === undefined ? {} : { '00081197': { Value: [code] } }),
  });
  const url = await server((request, response) => {
    request.resume();
    request.on('end', () => {
      response.statusCode = 202;
      json(response, {
        '00081198': { Value: [item(second, 0xa700), item(third, 0xc123)] },
        '00081199': { Value: [item(first)] },
      });
    });
  });
  await place.ask['save-peer']({
    peer: { kind: 'dicomweb', name: 'Archive', url, user: null, password: null, authorityFile: null, identity: null },
  });
  const report = await place.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs: [study], series: [] });
  expect(report).toMatchObject({ completed: 1, failed: 2 });
  expect(report.failures).toEqual([
    `Instance ${second}: the storage of the peer is full (A700H).`,
    `Instance ${third}: the peer cannot understand it (C123H).`,
  ]);
});

test('a second transfer is told to wait, and the first ends when it is cancelled', async () => {
  const place = hospital();
  const url = await server((request, response) => {
    if (request.url?.includes('/instances')) json(response, [instanceJson('1.2.826.9.1.1.1')]);
    // The study itself never comes.
  });
  await place.ask['save-peer']({
    peer: { kind: 'dicomweb', name: 'Archive', url, user: null, password: null, authorityFile: null, identity: null },
  });
  const order = { peer: 'Archive', studyInstanceUIDs: [study], series: [], method: 'get' as const };
  const first = place.ask['retrieve-studies'](order);
  await expect(place.ask['retrieve-studies'](order)).rejects.toMatchObject({ code: 651 });
  await place.ask['cancel-transfer']({});
  expect(await first).toMatchObject({ cancelled: true, completed: 0 });
});

test('a file that becomes shorter while it is sent is told, and the others are sent', async () => {
  const folder = hospital().folder;
  const files = ['1.2.1', '1.2.2', '1.2.3'].map((sopInstanceUID) => {
    const file = path.join(folder, sopInstanceUID);
    writeFileSync(file, Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(1_000_000)]));
    return {
      path: file,
      sopClassUID: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUID,
      transferSyntaxUID: '1.2.840.10008.1.2.1',
    };
  });
  const url = await server((request, response) => request.resume().on('end', () => response.writeHead(200).end()));
  const peer = {
    kind: 'dicomweb',
    name: 'Archive',
    url,
    user: null,
    password: null,
    authorityFile: null,
    identity: null,
  } as const;
  const real = httpExchange(peer, { silenceMs: 5_000 });
  const sent: string[] = [];
  const failures: string[] = [];
  const exchange: HttpExchange = {
    ask(request) {
      truncateSync(files[1]!.path, 500_000);
      return real.ask(request);
    },
  };
  await storeFiles({ name: 'Archive', http: exchange, pageBytesLimit: 1_000_000 }, files, {
    signal: never,
    onSent: (uid) => sent.push(uid),
    onFailure: (why) => failures.push(why),
  });
  expect(sent).toEqual(['1.2.1', '1.2.3']);
  expect(failures).toEqual(['Instance 1.2.2: its file could not be read to its end.']);
});
