import { expect, test } from 'vitest';
import { importSummary } from '../../../../src/renderer/imports/import-words.ts';

const none = { files: 83, cancelled: false, imported: 0, duplicates: 0, refused: 0, studies: 0, series: 0, seconds: 1 };

test('an import that brings nothing says what was there already, and what could not be read', () => {
  expect(importSummary({ ...none, duplicates: 83 })).toBe('All of these files are in the library already.');
  expect(importSummary({ ...none, refused: 83 })).toContain('None of the files could be imported');
  expect(importSummary({ ...none, duplicates: 81, refused: 2 })).toBe(
    '81 files are in the library already, 2 could not be imported. The reasons are below.',
  );
  expect(importSummary({ ...none, files: 2, duplicates: 1, refused: 1 })).toMatch(
    /^1 file is in the library already, 1 /,
  );
  expect(importSummary({ ...none, files: 0 })).toContain('No files were found');
});
