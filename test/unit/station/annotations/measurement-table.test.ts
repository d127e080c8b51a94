import { describe, expect, it } from 'vitest';
import type { Measurement } from '../../../../src/contract/annotation.ts';
import { measurementTable } from '../../../../src/station/annotations/measurement-table.ts';

const length: Measurement = {
  id: '7f0c7f57-6a0a-4a53-9a52-5a8a6f6a2f11',
  studyInstanceUID: '1.2',
  seriesInstanceUID: '1.2.3',
  sopInstanceUID: '1.2.3.4',
  frame: 2,
  kind: 'length',
  label: '=HYPERLINK("x")',
  points: [
    [1, 2],
    [3.5, -4],
  ],
  values: { lengthMm: 12.25 },
  unit: '',
  spacingKind: 'detector',
  changedAt: '2026-11-28T10:00:00.000Z',
};

describe('the table of measurements', () => {
  it('has a column for each measured value, and no cell that a spreadsheet would run', () => {
    const ellipse: Measurement = {
      ...length,
      kind: 'ellipse',
      label: 'liver, left',
      values: { areaMm2: 3, mean: -50.5 },
      unit: 'HU',
    };
    const [head, first, second, end] = measurementTable([length, ellipse], () => null).split('\r\n');
    expect(head).toBe(
      'PatientID,AccessionNumber,StudyDate,StudyInstanceUID,SeriesNumber,SeriesDescription,SeriesInstanceUID,InstanceNumber,SOPInstanceUID,frame,kind,label,changedAt,points,unit,spacingKind,areaMm2,lengthMm,mean',
    );
    expect(first).toBe(
      `,,,1.2,,,1.2.3,,1.2.3.4,2,length,"'=HYPERLINK(""x"")",2026-11-28T10:00:00.000Z,1 2; 3.5 -4,,detector,,12.25,`,
    );
    expect(second).toBe(
      ',,,1.2,,,1.2.3,,1.2.3.4,2,ellipse,"liver, left",2026-11-28T10:00:00.000Z,1 2; 3.5 -4,HU,detector,3,,-50.5',
    );
    expect(end).toBe('');
  });

  it('names patient, study, series and image as people know them', () => {
    const image = {
      patientID: '007',
      accessionNumber: 'A 1',
      studyDate: '20260301',
      seriesNumber: 3,
      seriesDescription: 'Axial, thin',
      instanceNumber: 12,
    };
    const [, row] = measurementTable([length], () => image).split('\r\n');
    expect(row?.startsWith('007,A 1,20260301,1.2,3,"Axial, thin",1.2.3,12,1.2.3.4,2,length,')).toBe(true);
  });
});
