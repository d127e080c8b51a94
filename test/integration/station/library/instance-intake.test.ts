import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { practiceSlice } from './practice-slice.ts';

const sender = fileURLToPath(new URL('intake-sender.ts', import.meta.url));
let folder = '';
const opened: Library[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-intake-'));
});
afterEach(() => {
  for (const library of opened.splice(0)) library.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(): Library {
  const library = openLibrary({ folder });
  opened.push(library);
  return library;
}

async function hand(library: Library, bytes: Uint8Array) {
  const intake = library.intake();
  const file = intake.newFile();
  writeFileSync(file, bytes);
  return intake.accept(file);
}

const incoming = (): string[] => readdirSync(path.join(folder, 'incoming'));
/** Files in the store, relative to the library's folder. */
const stored = (): string[] =>
  readdirSync(path.join(folder, 'instances'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));

/** Hands the bytes to a library and closes it; where the store has them. */
async function handAndClose(bytes: Uint8Array): Promise<string> {
  const library = open();
  await hand(library, bytes);
  await library.intake().flush();
  library.close();
  const [file = ''] = stored();
  return file;
}

/** As a station leaves it that is killed when an accepted file has its place in the store. */
function leavePlaced(file: string, bytes: Uint8Array): void {
  const accepted = path.join(folder, 'incoming', path.basename(file));
  writeFileSync(accepted, bytes);
  rmSync(path.join(folder, file), { force: true });
  linkSync(accepted, path.join(folder, file));
}

/** The index without the instance, and with another file of it that lies outside. */
async function indexElsewhere(bytes: Uint8Array): Promise<void> {
  for (const name of readdirSync(folder).filter((one) => one.startsWith('library.sqlite')))
    rmSync(path.join(folder, name));
  const source = path.join(folder, 'source');
  mkdirSync(source);
  writeFileSync(path.join(source, 'slice'), bytes);
  const library = open();
  const options = { mode: 'reference', onProgress: () => {}, signal: new AbortController().signal } as const;
  await library.importPaths([source], options);
  library.close();
}

describe('instances that arrive over the network', () => {
  it('are placed in the store and indexed, and leave nothing in the incoming folder', async () => {
    const library = open();
    const uids: string[] = [];
    for (let index = 0; index < 45; index += 1) {
      const accepted = await hand(library, practiceSlice(index).bytes);
      expect(accepted.kind).toBe('imported');
      if (accepted.kind === 'imported') uids.push(accepted.sopInstanceUID);
    }
    await library.intake().flush();
    for (const uid of uids) {
      const file = library.instanceFile(uid);
      expect(file?.path).toContain(path.join(folder, 'instances'));
      expect(existsSync(file!.path)).toBe(true);
    }
    expect((await library.frame(uids[44]!, 1)).rows).toBe(32);
    expect(incoming()).toEqual([]);
  });

  it('are duplicates when they come again, also with another meta header and at the same time', async () => {
    const library = open();
    const { bytes } = practiceSlice(3);
    const withOtherMeta = Buffer.from(bytes);
    withOtherMeta.write('OTHER', withOtherMeta.indexOf('IMAGIQ_PRACTICE'), 'latin1');
    const [first, second] = await Promise.all([hand(library, bytes), hand(library, bytes)]);
    expect([first.kind, second.kind].sort()).toEqual(['duplicate', 'imported']);
    expect((await hand(library, withOtherMeta)).kind).toBe('duplicate');
    expect(incoming()).toEqual([]);
  });

  it('are refused where the same UID stands for other content, and where they are no DICOM', async () => {
    const library = open();
    const { bytes, sopInstanceUID } = practiceSlice(4);
    const changed = Buffer.from(bytes);
    changed[changed.length - 1] = changed.at(-1)! ^ 1;
    expect((await hand(library, bytes)).kind).toBe('imported');
    const other = await hand(library, changed);
    expect(other).toMatchObject({ kind: 'refused', reason: expect.stringContaining('different content') });
    expect((await hand(library, Buffer.from('no DICOM at all, only text'))).kind).toBe('refused');
    expect(library.instanceFile(sopInstanceUID)).not.toBeNull();
    expect(incoming()).toEqual([]);
  });

  it('replace an indexed file that is gone', async () => {
    const library = open();
    const { bytes, sopInstanceUID } = practiceSlice(5);
    await hand(library, bytes);
    await library.intake().flush();
    rmSync(library.instanceFile(sopInstanceUID)!.path);
    expect((await hand(library, bytes)).kind).toBe('imported');
    expect(existsSync(library.instanceFile(sopInstanceUID)!.path)).toBe(true);
  });

  it('come in while an import runs', async () => {
    const library = open();
    const source = path.join(folder, 'source');
    mkdirSync(source);
    for (let index = 0; index < 200; index += 1)
      writeFileSync(path.join(source, `${index}`), practiceSlice(index).bytes);
    const importing = library.importPaths([source], {
      mode: 'reference',
      onProgress: () => {},
      signal: new AbortController().signal,
    });
    for (let index = 190; index < 300; index += 1) {
      expect((await hand(library, practiceSlice(index).bytes)).kind).not.toBe('refused');
    }
    const report = await importing;
    expect(report.refused).toBe(0);
    await library.intake().flush();
    for (let index = 0; index < 300; index += 1) {
      expect(library.instanceFile(practiceSlice(index).sopInstanceUID)).not.toBeNull();
    }
    expect(incoming()).toEqual([]);
  });

  it('are in the index after the station was killed at any instant, where they had been accepted', async () => {
    const accepted: string[] = [];
    for (let kill = 1; kill <= 4; kill += 1) {
      const child = spawn(process.execPath, [sender, folder, String(accepted.length + 1_000 * kill)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      const target = accepted.length + 37 * kill;
      for await (const uid of createInterface(child.stdout)) {
        if (/^[0-9.]+$/.test(uid)) accepted.push(uid);
        if (accepted.length === target) child.kill('SIGKILL');
      }
      await ended;
    }
    const left = incoming().length;
    const library = open();
    await library.intake().flush();
    expect(left).toBeGreaterThan(0);
    expect(accepted.length).toBeGreaterThanOrEqual(370);
    expect(accepted.filter((uid) => !existsSync(library.instanceFile(uid)?.path ?? ''))).toEqual([]);
    expect(incoming()).toEqual([]);
  });

  it('are taken up although something else in the incoming folder cannot be removed or read, which stays', async () => {
    const { bytes, sopInstanceUID } = practiceSlice(6);
    mkdirSync(path.join(folder, 'incoming', '0.part'), { recursive: true });
    writeFileSync(path.join(folder, 'incoming', '1.dcm'), 'an instance that cannot be read just now');
    writeFileSync(path.join(folder, 'incoming', '2.dcm'), bytes);
    const library = open();
    await library.intake().flush();
    expect(library.instanceFile(sopInstanceUID)).not.toBeNull();
    expect(incoming().sort()).toEqual(['0.part', '1.dcm']);
  });

  it('leave no second file in the store where the station was killed before the index had them and they came otherwise', async () => {
    const { bytes, sopInstanceUID } = practiceSlice(7);
    const file = await handAndClose(bytes);
    await indexElsewhere(bytes);
    leavePlaced(file, bytes);
    const library = open();
    await library.intake().flush();
    expect(library.instanceFile(sopInstanceUID)?.path).toBe(path.join(folder, 'source', 'slice'));
    expect({ incoming: incoming(), stored: stored() }).toEqual({ incoming: [], stored: [] });
  });

  it('keep their file where the station was killed when the index had just taken them', async () => {
    const { bytes, sopInstanceUID } = practiceSlice(8);
    const file = await handAndClose(bytes);
    leavePlaced(file, bytes);
    const library = open();
    await library.intake().flush();
    expect(library.instanceFile(sopInstanceUID)?.path).toBe(path.join(folder, file));
    expect({ incoming: incoming(), stored: stored() }).toEqual({ incoming: [], stored: [file] });
  });

  it('are placed anew where a power cut left a part of them in the store, on a file system without hard links', async () => {
    const { bytes } = practiceSlice(12);
    const file = await handAndClose(bytes);
    for (const name of readdirSync(folder).filter((one) => one.startsWith('library.sqlite')))
      rmSync(path.join(folder, name));
    writeFileSync(path.join(folder, 'incoming', path.basename(file)), bytes);
    writeFileSync(path.join(folder, file), bytes.subarray(0, 1_000));
    await open().intake().flush();
    expect({ incoming: incoming(), stored: stored() }).toEqual({ incoming: [], stored: [file] });
    expect(readFileSync(path.join(folder, file)).equals(bytes)).toBe(true);
  });

  it('are kept aside, and not in the store, where they had been accepted and other content is indexed', async () => {
    const { bytes, sopInstanceUID } = practiceSlice(9);
    const other = Buffer.from(bytes);
    other[other.length - 1] = other.at(-1)! ^ 1;
    const file = await handAndClose(bytes);
    await indexElsewhere(other);
    leavePlaced(file, bytes);
    const library = open();
    await library.intake().flush();
    expect(library.instanceFile(sopInstanceUID)?.path).toBe(path.join(folder, 'source', 'slice'));
    expect(stored()).toEqual([]);
    expect(readdirSync(path.join(folder, 'incoming', 'other-content'))).toEqual([path.basename(file)]);
  });
});
