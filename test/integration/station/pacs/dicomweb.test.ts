// DICOMweb against a real Orthanc with its DICOMweb plug-in.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls, { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { studyQuerySchema } from '../../../../src/contract/dicom.ts';
import type { DicomwebPeer } from '../../../../src/contract/pacs.ts';
import { type Hospital, hospital, importFolder, instancesOf, writeStudies } from './dicomweb-hospital.ts';
import { freePort, hasOrthanc, type Orthanc, orthancUser, startOrthanc } from './dicomweb-orthanc.ts';

const collection = path.resolve(import.meta.dirname, '../../../../../shared/data/dicom/pydicom');

function peerOf(url: string, more: Partial<DicomwebPeer> = {}): DicomwebPeer {
  return { kind: 'dicomweb', name: 'Archive', url, ...orthancUser, authorityFile: null, identity: null, ...more };
}

async function withPeer(peer: DicomwebPeer): Promise<Hospital> {
  const one = hospital();
  await one.ask['save-peer']({ peer });
  return one;
}

describe.skipIf(!hasOrthanc)('a DICOMweb peer', () => {
  let orthanc: Orthanc;
  beforeAll(async () => void (orthanc = await startOrthanc()));
  afterAll(async () => orthanc?.stop());

  test('answers an echo, and its password is kept but never told', async () => {
    const { ask, folder } = await withPeer(peerOf(orthanc.url));
    expect((await ask['echo-peer']({ peer: 'Archive' })).milliseconds).toBeGreaterThan(0);
    expect(await ask.peers({})).toEqual({ peers: [{ ...peerOf(orthanc.url), password: null }] });
    expect(statSync(path.join(folder, 'peers.json')).mode & 0o077).toBe(0);
    await ask['save-peer']({ peer: peerOf(`${orthanc.origin}/dicom-web`, { password: null }) });
    expect((await ask['echo-peer']({ peer: 'Archive' })).milliseconds).toBeGreaterThan(0);
  });

  test('takes studies, finds them by name, date and modality, and gives them back byte for byte', async () => {
    const lyon = await withPeer(peerOf(orthanc.url));
    const sources = writeStudies(lyon.folder, {
      root: '1.2.826.1',
      studies: [
        { instances: 5, name: 'Dupont^Anne', date: '20240301' },
        { instances: 3, name: 'Durand^Luc', modality: 'MR', date: '20240315' },
      ],
    });
    await importFolder(lyon.library, sources);
    const studyInstanceUIDs = ['1.2.826.1.1', '1.2.826.1.2'];
    expect(await lyon.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs, series: [] })).toMatchObject({
      studies: 2,
      completed: 8,
      failed: 0,
      cancelled: false,
      failures: [],
    });
    expect(lyon.ledger.entries(10).map(({ act }) => act)).toEqual(['sending-ended', 'studies-sent']);
    expect(lyon.news.at(-1)).toEqual({
      event: 'transfer-progress',
      value: { direction: 'send', peer: 'Archive', completed: 8, failed: 0, total: 8 },
    });

    const oslo = await withPeer(peerOf(orthanc.url));
    expect(await oslo.find('Archive', { patientName: 'du*' })).toMatchObject([
      { studyInstanceUID: '1.2.826.1.2' },
      { studyInstanceUID: '1.2.826.1.1' },
    ]);
    expect(await oslo.find('Archive', { patientName: 'du*', description: '*hes*' })).toHaveLength(2);
    expect(await oslo.find('Archive', { patientName: 'du*', description: 'Ches' })).toEqual([]);
    expect(await oslo.find('Archive', { patientName: 'du*', studyDate: '20240310-20240331' })).toMatchObject([
      { studyInstanceUID: '1.2.826.1.2' },
    ]);
    expect(await oslo.find('Archive', { modality: 'MR', patientName: 'Du*' })).toHaveLength(1);
    expect(await oslo.find('Archive', { patientName: 'Nobody' })).toEqual([]);
    expect(await oslo.find('Archive', { patientName: 'Dupont*' })).toEqual([
      {
        studyInstanceUID: '1.2.826.1.1',
        patientID: 'P26.1.1',
        patientName: 'Dupont^Anne',
        patientBirthDate: '',
        studyDate: '20240301',
        description: 'Chest',
        accessionNumber: 'A.1.1',
        modalities: ['CT'],
        series: 2,
        instances: 5,
        instancesHere: 0,
      },
    ]);

    expect(
      await oslo.ask['retrieve-studies']({ peer: 'Archive', studyInstanceUIDs, series: [], method: 'get' }),
    ).toMatchObject({
      studies: 2,
      completed: 8,
      duplicates: 0,
      failed: 0,
      cancelled: false,
    });
    for (const uid of studyInstanceUIDs) {
      const [sent, arrived] = [instancesOf(lyon.library, uid), instancesOf(oslo.library, uid)];
      expect([...arrived.keys()].sort()).toEqual([...sent.keys()].sort());
      for (const [instance, file] of arrived)
        expect(readFileSync(file)).toEqual(readFileSync(sent.get(instance) ?? ''));
    }
    expect(await oslo.find('Archive', { patientName: 'Dupont*' })).toMatchObject([{ instancesHere: 5 }]);
    expect(oslo.ledger.entries(1)).toMatchObject([{ act: 'studies-retrieved', detail: { completed: 8, failed: 0 } }]);
  });

  test('gives the whole file of what is damaged here, and the report counts it', async () => {
    const lyon = await withPeer(peerOf(orthanc.url));
    const sources = writeStudies(lyon.folder, { root: '1.2.826.7', studies: [{ instances: 3 }] });
    await importFolder(lyon.library, sources);
    await lyon.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs: ['1.2.826.7.1'], series: [] });
    const [[uid, file] = ['', '']] = instancesOf(lyon.library, '1.2.826.7.1');
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, -10));
    const asked = { peer: 'Archive', studyInstanceUIDs: ['1.2.826.7.1'], series: [], method: 'get' as const };
    expect(await lyon.ask['retrieve-studies'](asked)).toMatchObject({
      completed: 1,
      replaced: 1,
      duplicates: 2,
      failed: 0,
    });
    expect(lyon.library.isWhole(uid)).toBe(true);
    expect(lyon.library.imports.list({ limit: 1, offset: 0 }).imports[0]?.findings).toContainEqual({
      kind: 'replaced',
      findings: 1,
      count: 1,
    });
    expect(await lyon.ask['retrieve-studies'](asked)).toMatchObject({ completed: 0, replaced: 0, duplicates: 3 });
  });

  test('is not asked again for what is here already', async () => {
    const lyon = await withPeer(peerOf(orthanc.url));
    const sources = writeStudies(lyon.folder, { root: '1.2.826.2', studies: [{ instances: 8 }] });
    await importFolder(lyon.library, sources);
    await lyon.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs: ['1.2.826.2.1'], series: [] });

    const oslo = await withPeer(peerOf(orthanc.url));
    // One series whole, and one instance of the other.
    for (const instance of [1, 3, 5, 7, 2]) {
      const name = `0-${instance}.dcm`;
      const some = path.join(oslo.folder, name);
      writeFileSync(some, readFileSync(path.join(sources, name)));
      await importFolder(oslo.library, some);
    }
    const order = { peer: 'Archive', studyInstanceUIDs: ['1.2.826.2.1'], series: [], method: 'get' as const };
    expect(await oslo.ask['retrieve-studies'](order)).toMatchObject({ completed: 3, duplicates: 5, failed: 0 });
    expect(instancesOf(oslo.library, '1.2.826.2.1').size).toBe(8);
    expect(await oslo.ask['retrieve-studies'](order)).toMatchObject({ completed: 0, duplicates: 8, failed: 0 });
  });

  test('is asked page after page, and a list that goes on is said to be cut', async () => {
    const lyon = await withPeer(peerOf(orthanc.url));
    const studies = Array.from({ length: 230 }, () => ({ instances: 1, name: 'Many^Pages' }));
    await importFolder(lyon.library, writeStudies(lyon.folder, { root: '1.2.826.3', studies }));
    const studyInstanceUIDs = studies.map((_study, index) => `1.2.826.3.${index + 1}`);
    expect(await lyon.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs, series: [] })).toMatchObject({
      completed: 230,
    });
    expect(await lyon.find('Archive', { patientName: 'Many*' })).toHaveLength(230);
    const query = {
      patientName: 'Many^Pages',
      patientID: '',
      accessionNumber: '',
      studyDate: '',
      modality: '',
      description: '',
    };
    const cut = await lyon.ask['find-studies']({
      peer: 'Archive',
      query: { ...query, studyInstanceUID: '', limit: 205 },
    });
    expect([cut.studies.length, cut.isCut]).toEqual([205, true]);
    const whole = await lyon.ask['find-studies']({
      peer: 'Archive',
      query: { ...query, studyInstanceUID: '', limit: 230 },
    });
    expect([whole.studies.length, whole.isCut]).toEqual([230, false]);
  });

  test('names each instance that it does not store', async () => {
    const lyon = await withPeer(peerOf(orthanc.url));
    const sources = writeStudies(lyon.folder, { root: '1.2.826.4', studies: [{ instances: 4 }] });
    await importFolder(lyon.library, sources);
    // After the import: what is indexed is no DICOM file any more.
    writeFileSync(
      path.join(sources, '0-2.dcm'),
      Buffer.concat([Buffer.alloc(128), Buffer.from('DICM, and then nonsense')]),
    );
    rmSync(path.join(sources, '0-3.dcm'));
    const report = await lyon.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs: ['1.2.826.4.1'], series: [] });
    expect(report).toMatchObject({ completed: 2, failed: 2 });
    expect(report.failures.toSorted()).toEqual([
      expect.stringMatching(/^Instance 1\.2\.826\.4\.1\.1\.2: the peer/),
      'Instance 1.2.826.4.1.2.3: its file is gone.',
    ]);
  });

  test('keeps every transfer syntax as it is', async (ctx) => {
    const names = [
      'JPEG2000.dcm',
      'MR_small_RLE.dcm',
      'JPEG-lossy.dcm',
      'image_dfl.dcm',
      'SC_rgb_jpeg_dcmtk.dcm',
      'CT_small.dcm',
    ];
    const files = readdirSync(collection, { recursive: true, encoding: 'utf8' }).filter((name) =>
      names.includes(path.basename(name)),
    );
    ctx.skip(files.length === 0, '../shared/data/dicom/pydicom is absent');
    const lyon = await withPeer(peerOf(orthanc.url));
    for (const file of files) await importFolder(lyon.library, path.join(collection, file));
    const { studies } = lyon.library.studies(studyQuerySchema.parse({}));
    const studyInstanceUIDs = studies.map(({ studyInstanceUID }) => studyInstanceUID);
    const sent = await lyon.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs, series: [] });
    expect(sent.failures).toEqual([]);
    const oslo = await withPeer(peerOf(orthanc.url));
    const report = await oslo.ask['retrieve-studies']({
      peer: 'Archive',
      studyInstanceUIDs,
      series: [],
      method: 'get',
    });
    expect(report).toMatchObject({ completed: sent.completed, failed: 0 });
    for (const uid of studyInstanceUIDs) {
      for (const [instance, file] of instancesOf(lyon.library, uid)) {
        const arrived = oslo.library.instanceFile(instance);
        expect(arrived?.transferSyntaxUID).toBe(lyon.library.instanceFile(instance)?.transferSyntaxUID);
        expect(readFileSync(arrived?.path ?? '')).toEqual(readFileSync(file));
      }
    }
  });

  test('that cannot be asked says why: user, place, port, TLS, study', async () => {
    const codeOf = async (peer: DicomwebPeer, beforeAsking = (): void => {}): Promise<unknown> => {
      const { ask } = await withPeer(peer);
      beforeAsking();
      try {
        await ask['echo-peer']({ peer: 'Archive' });
        return 'an answer';
      } catch (fault) {
        return (fault as { code: unknown }).code;
      }
    };
    expect(await codeOf(peerOf(orthanc.url, { password: 'wrong' }))).toBe(655);
    expect(await codeOf(peerOf(`${orthanc.origin}/elsewhere`))).toBe(656);
    expect(await codeOf(peerOf(`${orthanc.origin}/app/explorer.html#`))).toBe(656);
    expect(await codeOf(peerOf(`http://127.0.0.1:${await freePort()}/dicom-web`))).toBe(652);
    expect(await codeOf(peerOf(`https://127.0.0.1:${orthanc.httpPort}/dicom-web`))).toBe(654);
    expect(await codeOf(peerOf(`http://127.0.0.1:${orthanc.dicomPort}/dicom-web`))).toSatisfy(
      (code) => code === 652 || code === 657,
    );
    // An authority's file that went after the peer was saved matters where there is TLS; one that is not there is not saved.
    const authorityFile = path.join(mkdtempSync(path.join(os.tmpdir(), 'imagiq-gone-')), 'authority.pem');
    onTestFinished(() => rmSync(path.dirname(authorityFile), { recursive: true, force: true }));
    const codeWithout = (url: string): Promise<unknown> => {
      writeFileSync(authorityFile, rootCertificates[0]!);
      return codeOf(peerOf(url, { authorityFile }), () => rmSync(authorityFile));
    };
    expect(await codeWithout(orthanc.url)).toBe('an answer');
    expect(await codeWithout(orthanc.url.replace('http:', 'https:'))).toBe(662);
    await expect(withPeer(peerOf(orthanc.url, { authorityFile }))).rejects.toMatchObject({ code: 662 });

    // Orthanc's own interface, not its DICOMweb service, answers there.
    const above = await withPeer(peerOf(orthanc.origin));
    await expect(above.ask['echo-peer']({ peer: 'Archive' })).rejects.toMatchObject({
      message:
        'Archive refused: it did not take the question (HTTP 400). Its DICOMweb service may have another address, which ends where “/studies” begins.',
    });

    const one = await withPeer(peerOf(orthanc.url));
    const report = await one.ask['retrieve-studies']({
      peer: 'Archive',
      studyInstanceUIDs: ['1.2.3.4'],
      series: [],
      method: 'get',
    });
    expect(report).toMatchObject({ completed: 0, failed: 1 });
    expect(report.failures).toEqual(['Study 1.2.3.4: Archive holds no instances of this study.']);
  });

  // Before Orthanc stands what stands before it in hospitals (and Orthanc 1.10 itself dies of a POST over TLS).
  test('over TLS is trusted through its authority file only, and gets this station’s certificate where it asks', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-tls-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [keyFile, authorityFile] = [path.join(folder, 'key.pem'), path.join(folder, 'certificate.pem')];
    const made = spawnSync('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      keyFile,
      '-out',
      authorityFile,
    ]);
    expect({ status: made.status, said: String(made.stderr) }).toMatchObject({ status: 0 });
    const [key, cert] = [readFileSync(keyFile), readFileSync(authorityFile)];
    const openDoor = async (asking: tls.TlsOptions): Promise<string> => {
      const door = tls.createServer({ key, cert, ...asking }, (socket) => {
        const inside = net.connect(orthanc.httpPort, '127.0.0.1');
        socket.pipe(inside).pipe(socket);
        for (const end of [socket, inside]) end.on('error', () => void (socket.destroy(), inside.destroy()));
      });
      door.on('tlsClientError', () => {});
      await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void door.close());
      return `https://127.0.0.1:${(door.address() as net.AddressInfo).port}/dicom-web`;
    };
    const url = await openDoor({});

    const lyon = await withPeer(peerOf(url));
    await expect(lyon.ask['echo-peer']({ peer: 'Archive' })).rejects.toMatchObject({ code: 654 });
    await lyon.ask['save-peer']({ peer: peerOf(url, { authorityFile }) });
    await importFolder(lyon.library, writeStudies(lyon.folder, { root: '1.2.826.5', studies: [{ instances: 3 }] }));
    const studyInstanceUIDs = ['1.2.826.5.1'];
    expect(await lyon.ask['send-studies']({ peer: 'Archive', studyInstanceUIDs, series: [] })).toMatchObject({
      completed: 3,
      failures: [],
    });
    const oslo = await withPeer(peerOf(url, { authorityFile }));
    expect(
      await oslo.ask['retrieve-studies']({ peer: 'Archive', studyInstanceUIDs, series: [], method: 'get' }),
    ).toMatchObject({
      completed: 3,
      failures: [],
    });

    const asking = await openDoor({ requestCert: true, ca: cert });
    await oslo.ask['save-peer']({ peer: peerOf(asking, { authorityFile }) });
    await expect(oslo.ask['echo-peer']({ peer: 'Archive' })).rejects.toMatchObject({
      code: 654,
      message: expect.stringContaining('it asks for a certificate of this station'),
    });
    const identity = { certificateFile: authorityFile, keyFile };
    await oslo.ask['save-peer']({ peer: peerOf(asking, { authorityFile, identity }) });
    expect((await oslo.ask['echo-peer']({ peer: 'Archive' })).milliseconds).toBeGreaterThan(0);
  });
});
