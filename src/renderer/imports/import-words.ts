import { count, counted, duration } from '../ui/format.ts';
import type { ImportReport } from '../../contract/dicom.ts';

type Counted = Pick<
  ImportReport,
  'files' | 'cancelled' | 'imported' | 'duplicates' | 'refused' | 'studies' | 'series' | 'seconds'
>;

/** What came of an import, in a sentence above its figures. */
export function importSummary(report: Counted): string {
  if (report.files === 0) return 'No files were found there. Choose the folder that holds the DICOM files.';
  if (report.cancelled) return 'What had been imported before stays in the library. Import the folder again to go on.';
  if (report.imported > 0)
    return `${counted(report.studies, 'study', 'studies')} with ${count(report.series)} series, in ${duration(report.seconds)}.`;
  if (report.duplicates === 0) return 'None of the files could be imported. The reasons are below.';
  return report.refused === 0
    ? 'All of these files are in the library already.'
    : `${counted(report.duplicates, 'file is', 'files are')} in the library already, ${count(report.refused)} could not be imported. The reasons are below.`;
}
