import { expect, test } from 'vitest';
import {
  ageText,
  bytes,
  counted,
  countedInstances,
  dicomDate,
  dicomTime,
  duration,
  fingerprintGroups,
  personName,
  seriesName,
  studiesAndSeries,
} from '../../../src/renderer/ui/format.ts';

test('a person name reads as family and given names, whatever parts it lacks', () => {
  expect(personName('Curie^Marie^Salomea')).toBe('Curie, Marie Salomea');
  expect(personName('Curie')).toBe('Curie');
  expect(personName('Yamada^Tarou=山田^太郎=やまだ^たろう')).toBe('Yamada, Tarou');
  expect(personName('')).toBe('–');
});

test('a date that is no DICOM date is shown as it stands', () => {
  expect(dicomDate('20261124')).toBe('2026-11-24');
  expect(dicomDate('2026.11.24')).toBe('2026.11.24');
  expect(dicomDate('')).toBe('–');
});

test('sizes and times take the unit that a person would', () => {
  expect([bytes(0), bytes(999), bytes(999_700), bytes(1_500_000)]).toEqual(['0 B', '999 B', '1.0 MB', '1.5 MB']);
  expect([duration(3.21), duration(75), duration(600), duration(7_500)]).toEqual([
    '3.2 s',
    '75 s',
    '10 min',
    '2 h 5 min',
  ]);
});

test('a DICOM time loses its fraction, and may be cut anywhere', () => {
  expect(['114243.273000', '1142', '11', ''].map(dicomTime)).toEqual(['11:42:43', '11:42', '11', '']);
});

test('what a series holds is called what its modality makes', () => {
  expect(countedInstances({ instances: 1, images: 0, frames: 0 }, 'SR')).toBe('1 report');
  expect(countedInstances({ instances: 2, images: 0, frames: 0 }, 'SEG')).toBe('2 segmentations');
  expect(countedInstances({ instances: 60, images: 60, frames: 60 }, 'CT')).toBe('60 images');
});

test('frames are told where an image has several', () => {
  expect(countedInstances({ instances: 1, images: 1, frames: 96 }, 'US')).toBe('1 image\u00A0· 96\u00A0frames');
  expect(countedInstances({ instances: 2, images: 2, frames: 1_300 })).toBe('2 images\u00A0· 1,300\u00A0frames');
  // Headers without pixels.
  expect(countedInstances({ instances: 50, images: 0, frames: 0 }, 'CT')).toBe('50 objects');
  // An image and its report.
  expect(countedInstances({ instances: 2, images: 1, frames: 1 })).toBe('1 image');
});

test('counts agree with their noun', () => {
  expect(counted(1, 'study', 'studies')).toBe('1 study');
  expect(counted(1_234, 'study', 'studies')).toBe('1,234 studies');
});

test('a fingerprint is read in groups of four', () => {
  expect(fingerprintGroups('ab12cd34')).toEqual(['AB12', 'CD34']);
});

test('a series without a description is told by its number', () => {
  expect(seriesName({ description: 'Thorax', seriesNumber: 2 })).toBe('Thorax');
  expect(seriesName({ description: '', seriesNumber: 2 })).toBe('Series 2');
  expect(seriesName({ description: '', seriesNumber: null })).toBe('Series');
});

test('an age is told in years, of small children in months', () => {
  expect([64.9, 2, 1.5, 0, null].map((years) => ageText(years, '20040826'))).toEqual([
    '64 y',
    '2 y',
    '18 mo',
    '0 mo',
    '',
  ]);
  // PatientAge 000Y of an adult.
  expect(ageText(0, '')).toBe('');
  expect(ageText(64, '')).toBe('64 y');
});

test('studies and series are told together, or the one that there is', () => {
  expect(studiesAndSeries(2, 1)).toBe('2 studies and 1 series');
  expect([studiesAndSeries(1, 0), studiesAndSeries(0, 3), studiesAndSeries(0, 0)]).toEqual(['1 study', '3 series', '']);
});
