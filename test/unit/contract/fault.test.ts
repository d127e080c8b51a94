import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Fault, faultValueOf } from '../../../src/contract/fault.ts';

test('an error of the file system is told without its path, which may name a patient', () => {
  let thrown: unknown;
  try {
    readFileSync('/studies/ROSSI^MARIA/missing.dcm');
  } catch (error) {
    thrown = error;
  }
  const { code, message } = faultValueOf(thrown);
  expect(code).toBe(600);
  expect(message).toBe('Unexpected error: a file or folder cannot be used: it does not exist');
  expect(message).not.toContain('ROSSI');
});

test('a fault crosses as it is, anything else as unexpected', () => {
  const fault = new Fault({ code: 601, message: 'In use.', retry: 'later' });
  expect(faultValueOf(fault)).toEqual({ code: 601, message: 'In use.', retry: 'later' });
  expect(faultValueOf(new Error('odd')).message).toContain('odd');
});
