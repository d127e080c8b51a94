// The contract's calls about past imports, answered.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Answers } from '../../../contract/calls.ts';
import type { importReportCalls } from '../../../contract/import-report.ts';
import { libraryFaults } from '../faults.ts';
import { fileSystemReason } from '../file-walk.ts';
import type { ImportBook } from './import-book.ts';
import { reportText } from './report-text.ts';

export function importAnswers(book: ImportBook): Answers<keyof typeof importReportCalls> {
  return {
    imports: (page) => book.list(page),
    'import-findings': (asked) => book.findings(asked),
    'export-import': ({ id, format, file }) => {
      const found = book.findings({ id, kind: null, limit: 2 ** 31, offset: 0 });
      const text = reportText(found.import, found.findings, format);
      if (file === null) return { text };
      writeBeside(file, text);
      return { text: null };
    },
  };
}

/** @throws Fault 113 */
function writeBeside(file: string, text: string): void {
  const beside = `${file}.${process.pid}.part`;
  try {
    writeFileSync(beside, text, { mode: 0o600 });
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw libraryFaults.reportNotWritten(file, fileSystemReason(error));
  }
}
