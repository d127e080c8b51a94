import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { type ObjectThreads, openObjectThreads } from '../../../../src/station/annotations/object-threads.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';

/** Stands in for the worker: some tasks hang it, some end it, the others are answered. */
const badWorker = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', ({ asked: { path } }) => {
    if (path === 'hangs') for (;;) {}
    if (path === 'ends') process.exit(3);
    parentPort.postMessage({ answered: [] });
  });`)}`,
);

function threads(deadlineMs: number, script?: URL): ObjectThreads {
  const opened = openObjectThreads({ count: 1, deadlineMs, ...(script === undefined ? {} : { script }) });
  onTestFinished(() => opened.close());
  return opened;
}

const codeOf = async (asked: Promise<unknown>): Promise<number> => {
  const thrown = await asked.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Fault);
  return (thrown as Fault).code;
};

it('an object that hangs its thread or ends it is refused with the reason, and the next one is read', async () => {
  const one = threads(5_000, badWorker);
  const [hung, ended, answered] = [
    codeOf(one.ask('header', { path: 'hangs' })),
    codeOf(one.ask('header', { path: 'ends' })),
    one.ask('header', { path: 'is answered' }),
  ];
  expect(await hung).toBe(625);
  expect(await ended).toBe(626);
  expect(await answered).toEqual([]);
}, 60_000);

it('a header is read in the thread, and a file that is gone is said as that', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-objects-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'slice.dcm');
  writeFileSync(file, dicomFile(sliceElements({ uid: '1.2.3.4' })));
  const one = threads(30_000);
  const lines = await one.ask('header', { path: file });
  expect(lines.find(({ keyword }) => keyword === 'SOPInstanceUID')?.value).toBe('1.2.3.4');
  expect(await codeOf(one.ask('header', { path: path.join(folder, 'gone.dcm') }))).toBe(108);
  expect(await one.ask('describe', { path: file })).toBeNull();
});

it('what is asked of closed threads is refused', async () => {
  const one = threads(30_000);
  const asked = codeOf(one.ask('header', { path: 'anywhere' }));
  one.close();
  expect(await asked).toBe(627);
  expect(await codeOf(one.ask('header', { path: 'anywhere' }))).toBe(627);
});
