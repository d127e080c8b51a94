// An import's report for taking along: CSV for a table, JSON for a program, HTML for reading and printing.
import { csvText } from '../../../contract/csv-text.ts';
import {
  type Finding,
  findingKinds,
  findingWords,
  type PastImport,
  type ReportFormat,
} from '../../../contract/import-report.ts';

export function reportText(past: PastImport, findings: readonly Finding[], format: ReportFormat): string {
  if (format === 'json') return `${JSON.stringify({ import: past, findings }, null, 2)}\n`;
  return format === 'csv' ? csv(findings) : html(past, findings);
}

const csvColumns = ['weight', 'kind', 'subject', 'what', 'count', 'studyInstanceUID', 'seriesInstanceUID'] as const;

function csv(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => {
    const row = { ...finding, weight: findingWords[finding.kind].weight };
    return csvColumns.map((column) => row[column] ?? '');
  });
  return csvText(csvColumns, rows);
}

function html(past: PastImport, findings: readonly Finding[]): string {
  const byKind = Map.groupBy(findings, (finding) => finding.kind);
  const sections = findingKinds.flatMap((kind) => {
    const ofKind = byKind.get(kind);
    if (ofKind === undefined) return [];
    const { title, weight, advice } = findingWords[kind];
    const rows = ofKind.map(
      ({ subject, what, studyInstanceUID }) =>
        `<tr><td>${escaped(subject)}${studyInstanceUID === null ? '' : `<br><small>Study ${escaped(studyInstanceUID)}</small>`}</td><td>${escaped(what)}</td></tr>`,
    );
    return [
      `<section class="${weight}"><h2>${escaped(title)} <small>${weight} · ${ofKind.length}</small></h2><p>${escaped(advice)}</p>\n<table>${rows.join('\n')}</table></section>`,
    ];
  });
  const figures = [
    counted(past.files, 'file'),
    `${past.imported} imported`,
    `${past.duplicates} already there`,
    `${past.refused} refused`,
    counted(past.studies, 'study', 'studies'),
    `${past.series} series`,
    ...(past.labelled > 0 ? [`${counted(past.labelled, 'image')} with a label`] : []),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Import report ${past.id}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#17212a}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .2rem}small{color:#586572;font-weight:400}
section{border-left:4px solid #c3ccd3;padding-left:1rem}.problem{border-color:#b42330}.warning{border-color:#c98a1b}
table{border-collapse:collapse;width:100%}td{border-top:1px solid #dfe4e8;padding:.35rem .6rem .35rem 0;vertical-align:top;overflow-wrap:anywhere}
td:first-child{width:42%}
</style></head><body>
<h1>Import report ${past.id}</h1>
<p>${escaped(past.startedAt)} · ${figures.join(' · ')}${past.cancelled ? ' · cancelled before its end' : ''}${stateWords[past.state]}</p>
<p><small>${past.paths.map(escaped).join('<br>')}</small></p>
${past.notes.map((note) => `<p>${escaped(note)}</p>`).join('\n')}
${sections.length > 0 ? sections.join('\n') : past.state === 'ended' ? '<p>Nothing amiss was found.</p>' : ''}
</body></html>
`;
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const stateWords = { ended: '', running: ' · running', 'cut-off': ' · cut off by a fault or a kill' } as const;

const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
