import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { DicomwebPeer } from '../../../../src/contract/pacs.ts';
import { openPeerBook } from '../../../../src/station/pacs/peer-book.ts';

function folder(): string {
  const made = mkdtempSync(path.join(os.tmpdir(), 'imagiq-peers-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const archive: DicomwebPeer = {
  kind: 'dicomweb',
  name: 'Archive',
  url: 'https://archive.example/dicom-web',
  user: 'anne',
  password: 'secret',
  authorityFile: null,
  identity: null,
};

test('peers come back after a restart, their passwords for clients only', () => {
  const place = folder();
  openPeerBook(place).save(archive);
  const book = openPeerBook(place);
  expect(book.peers()).toEqual([{ ...archive, password: null }]);
  expect(book.peer('Archive')).toEqual(archive);
  expect(statSync(path.join(place, 'peers.json')).mode & 0o077).toBe(0);
});

test('a password stays with the server and user that it was entered for', () => {
  const book = openPeerBook(folder());
  const passwordOf = (change: Partial<DicomwebPeer>): unknown => {
    book.save(archive);
    book.save({ ...archive, password: null, ...change });
    const peer = book.peer('Archive');
    return peer.kind === 'dicomweb' ? peer.password : undefined;
  };
  expect(passwordOf({ url: 'https://archive.example/other-root' })).toBe('secret');
  expect(passwordOf({ url: 'https://elsewhere.example/dicom-web' })).toBeNull();
  expect(passwordOf({ user: 'boris' })).toBeNull();
  expect(passwordOf({ user: null })).toBeNull();
});

test('a password in an address is kept as one, and not shown with the address', () => {
  const book = openPeerBook(folder());
  book.save({ ...archive, url: 'https://anne:se%40cret@archive.example/dicom-web', user: null, password: null });
  expect(JSON.stringify(book.peers())).not.toMatch(/se(%40|@)cret/);
  expect(book.peer('Archive')).toMatchObject({
    user: 'anne',
    password: 'se@cret',
    url: 'https://archive.example/dicom-web',
  });
});

test('a damaged list is told, without what is in it, and is not overwritten', () => {
  const place = folder();
  const file = path.join(place, 'peers.json');
  writeFileSync(file, '{"version":1,"peers":[{"password":"secret"');
  expect(() => openPeerBook(place)).toThrow(
    expect.objectContaining({ code: 663, message: expect.not.stringContaining('secret') }),
  );
  expect(readFileSync(file, 'utf8')).toContain('secret');
});

test('a peer that is not there is told by its name', () => {
  expect(() => openPeerBook(folder()).remove('Nobody')).toThrow(expect.objectContaining({ code: 650 }));
});
