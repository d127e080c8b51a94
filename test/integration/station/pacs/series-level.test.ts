// Series of a study, listed and retrieved one by one, against a real Orthanc by C-FIND, C-GET, C-MOVE and DICOMweb, and dcmtk.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pacsCalls, receiverSettingsSchema } from '../../../../src/contract/pacs.ts';
import { type Hospital, hospital, importFolder, instancesOf, writeStudies } from './dicomweb-hospital.ts';
import { freePort, hasOrthanc, type Orthanc, orthancUser, startOrthanc } from './dicomweb-orthanc.ts';
import { absence, dcmqrscp, dcmtk, Ward } from './dimse-peers.ts';

const study = '1.2.826.60.1';
/** Of seven instances, those with odd numbers are of the second. */
const [first, second] = [`${study}.1`, `${study}.2`];

const webPeer = (url: string) =>
  ({ kind: 'dicomweb', name: 'Archive', url, ...orthancUser, authorityFile: null, identity: null }) as const;
const dimsePeer = (port: number, aeTitle: string) =>
  ({
    kind: 'dimse',
    name: 'Archive',
    aeTitle,
    host: '127.0.0.1',
    port,
    isTls: false,
    authorityFile: null,
    identity: null,
  }) as const;

async function withPeer(peer: Parameters<Hospital['ask']['save-peer']>[0]['peer']): Promise<Hospital> {
  const one = hospital();
  await one.ask['save-peer']({ peer });
  return one;
}

const listed = async ({ ask }: Hospital) =>
  (await ask['find-series']({ peer: 'Archive', studyInstanceUID: study })).series;
const asked = (order: Record<string, unknown>) => pacsCalls['retrieve-studies'].in.parse({ peer: 'Archive', ...order });
const oneSeries = (uid: string) => [{ studyInstanceUID: study, seriesInstanceUID: uid }];

/** Retrieves the second series, twice, then the rest of the study. */
async function retrievedOneByOne(oslo: Hospital, method: 'get' | 'move'): Promise<unknown> {
  const { ask, library } = oslo;
  const retrieve = async (order: Record<string, unknown>) => {
    const { studies, series, completed, duplicates, failures } = await ask['retrieve-studies'](
      asked({ ...order, method }),
    );
    return { studies, series, completed, duplicates, failures };
  };
  const one = await retrieve({ series: oneSeries(second) });
  const here = Object.fromEntries(
    (await listed(oslo)).map((series) => [series.seriesInstanceUID, series.instancesHere]),
  );
  const again = await retrieve({ series: oneSeries(second) });
  const rest = await retrieve({ studyInstanceUIDs: [study], series: oneSeries(second) });
  return { one, here, again, rest, instances: instancesOf(library, study).size };
}
const eachOnce = {
  one: { studies: 0, series: 1, completed: 4, duplicates: 0, failures: [] },
  here: { [first]: 0, [second]: 4 },
  again: { studies: 0, series: 1, completed: 0, duplicates: 4, failures: [] },
  rest: { studies: 1, series: 0, completed: 3, duplicates: 4, failures: [] },
  instances: 7,
};

describe.skipIf(!hasOrthanc || absence !== null)('series of a study at Orthanc', { timeout: 60_000 }, () => {
  let orthanc: Orthanc;
  let receiverPort: number;
  beforeAll(async () => {
    receiverPort = await freePort();
    orthanc = await startOrthanc({ DicomModalities: { imagiq: ['IMAGIQ', '127.0.0.1', receiverPort] } });
    const ward = new Ward();
    const sources = writeStudies(ward.folder, { root: '1.2.826.60', studies: [{ instances: 7 }] });
    for (const name of readdirSync(sources)) await orthanc.rest('/instances', readFileSync(path.join(sources, name)));
    await ward.close();
  });
  afterAll(async () => orthanc?.stop());

  test.each(['dimse', 'dicomweb'])('are listed with their counts by %s', async (kind) => {
    const peer = kind === 'dimse' ? dimsePeer(orthanc.dicomPort, orthanc.aeTitle) : webPeer(orthanc.url);
    const series = await listed(await withPeer(peer));
    expect(series.map((one) => [one.seriesInstanceUID, one.modality, one.instances, one.instancesHere])).toEqual(
      expect.arrayContaining([
        [first, 'CT', 3, 0],
        [second, 'CT', 4, 0],
      ]),
    );
    expect(series).toHaveLength(2);
  });

  test('are retrieved one by one by C-GET', async () => {
    expect(await retrievedOneByOne(await withPeer(dimsePeer(orthanc.dicomPort, orthanc.aeTitle)), 'get')).toEqual(
      eachOnce,
    );
  });

  test('are retrieved one by one by C-MOVE', async () => {
    const oslo = await withPeer(dimsePeer(orthanc.dicomPort, orthanc.aeTitle));
    const settings = { isEnabled: true, port: receiverPort, allowedAETitles: [orthanc.aeTitle] };
    await oslo.ask['configure-receiver']({ settings: receiverSettingsSchema.parse(settings) });
    expect(await retrievedOneByOne(oslo, 'move')).toEqual(eachOnce);
  });

  test('are retrieved one by one by WADO-RS', async () => {
    expect(await retrievedOneByOne(await withPeer(webPeer(orthanc.url)), 'get')).toEqual(eachOnce);
  });

  test.each(['dimse', 'dicomweb'])('that are not there are told, by %s', async (kind) => {
    const peer = kind === 'dimse' ? dimsePeer(orthanc.dicomPort, orthanc.aeTitle) : webPeer(orthanc.url);
    const { ask } = await withPeer(peer);
    const unknown = await ask['retrieve-studies'](asked({ series: oneSeries('1.2.3.4.5') }));
    expect(unknown).toMatchObject({ completed: 0, failed: 1 });
    expect(unknown.failures[0]).toContain('Archive holds no instances of this series.');
    await expect(ask['find-series']({ peer: 'Archive', studyInstanceUID: '1.2.3.4' })).rejects.toMatchObject({
      code: 667,
    });
  });

  test.each(['dimse', 'dicomweb'])('that are no longer there are told beside those that came, by %s', async (kind) => {
    const peer = kind === 'dimse' ? dimsePeer(orthanc.dicomPort, orthanc.aeTitle) : webPeer(orthanc.url);
    const { ask } = await withPeer(peer);
    const gone = `${study}.9`;
    const { completed, failures } = await ask['retrieve-studies'](
      asked({ series: [...oneSeries(gone), ...oneSeries(second)] }),
    );
    expect(completed).toBe(4);
    expect(failures).toEqual([`Series ${gone}: Archive holds no instances of this series.`]);
  });

  test('are counted beside the studies that were asked for whole', async () => {
    const { ask } = await withPeer(webPeer(orthanc.url));
    const order = asked({ studyInstanceUIDs: ['1.2.3.4'], series: oneSeries(second) });
    expect(await ask['retrieve-studies'](order)).toMatchObject({ studies: 1, series: 1, completed: 4, failed: 1 });
  });

  test.each(['C-STORE', 'STOW-RS'])('are sent one by one by %s, and what is not here is told', async (way) => {
    const root = way === 'C-STORE' ? '1.2.826.61' : '1.2.826.62';
    const sent = `${root}.1.2`;
    const peer = way === 'C-STORE' ? dimsePeer(orthanc.dicomPort, orthanc.aeTitle) : webPeer(orthanc.url);
    const { ask, folder, library, ledger } = await withPeer(peer);
    await importFolder(library, writeStudies(folder, { root, studies: [{ instances: 7 }] }));
    const series = [sent, `${root}.1.9`].map((seriesInstanceUID) => ({
      studyInstanceUID: `${root}.1`,
      seriesInstanceUID,
    }));
    const order = { peer: 'Archive', studyInstanceUIDs: ['1.2.3.4'], series };
    expect(await ask['send-studies'](order)).toMatchObject({
      studies: 0,
      series: 1,
      completed: 4,
      failed: 2,
      failures: ['Study 1.2.3.4: not in this library.', `Series ${root}.1.9: not in this library.`],
    });
    expect(ledger.entries(10).map(({ act }) => act)).toEqual(['sending-ended', 'studies-sent']);
    const there = await ask['find-series']({ peer: 'Archive', studyInstanceUID: `${root}.1` });
    expect(there.series.map((one) => [one.seriesInstanceUID, one.instances])).toEqual([[sent, 4]]);
    await expect(ask['send-studies']({ ...order, series: [] })).rejects.toMatchObject({ code: 664 });
  });

  test('are retrieved one by one from dcmtk’s archive', async () => {
    const ward = new Ward();
    try {
      const archive = await dcmqrscp(ward, 'IMAGIQ', await freePort());
      const sources = writeStudies(ward.folder, { root: '1.2.826.60', studies: [{ instances: 7 }] });
      const { host, port, aeTitle } = archive;
      expect((await dcmtk('storescu', ['-aec', aeTitle, '+sd', host, String(port), sources])).isDone).toBe(true);
      expect(await retrievedOneByOne(await withPeer(dimsePeer(port, aeTitle)), 'get')).toEqual(eachOnce);
    } finally {
      await ward.close();
    }
  });
});
