// Parsers of option values; a wrong one ends with exit code 2 and says why.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { cohortNameSchema } from '../contract/cohort.ts';
import { federationNameSchema, siteNameSchema } from '../contract/federation.ts';
import { proxyUrlSchema } from '../contract/connection.ts';
import { ledgerActs } from '../contract/ledger-acts.ts';
import { benchModelSchema } from '../contract/peers.ts';

/** A whole number of at least 1. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number of at least 1.');
  return value;
}

/** A whole number of at least 0. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('must be a whole number of at least 0.');
  return value;
}

/** A whole number from `least` to `most`. */
export const wholeNumberIn =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
    return value;
  };

/** A port: 0 picks a free one. */
export const port = wholeNumberIn(0, 65_535);

/** A share from 0 up to but not including 1. */
export function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError('must be at least 0 and below 1.');
  return value;
}

/** Above 0 and at most 1. */
export function probability(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('must be above 0 and at most 1.');
  return value;
}

/** A number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('must be a number above 0.');
  return value;
}

/** A file to be written, as an absolute path: looked at before the work that it is to hold. */
export function newFile(text: string): string {
  const file = path.resolve(text);
  try {
    if (existsSync(file) && statSync(file).isDirectory()) throw new Error('is a folder');
    accessSync(path.dirname(file), constants.W_OK);
  } catch {
    throw new InvalidArgumentError('must be a file in a folder that is there and that you may write to.');
  }
  return file;
}

export function cohortName(text: string): string {
  if (!cohortNameSchema.safeParse(text).success)
    throw new InvalidArgumentError('must be a name of letters, digits, spaces, . _ - (at most 64).');
  return text;
}

/** An act of a ledger, as its entries name it. */
export function ledgerAct(text: string): string {
  if (!ledgerActs.includes(text)) throw new InvalidArgumentError(`must be one of ${ledgerActs.join(', ')}.`);
  return text;
}

/** What a federation is called. A longer name would be in no invite that a site can read. */
export function federationName(text: string): string {
  const name = federationNameSchema.safeParse(text);
  if (!name.success) throw new InvalidArgumentError('must be a name of 1 to 100 letters, digits, signs and spaces.');
  return name.data;
}

/** How a federation sees a hospital. */
export function siteName(text: string): string {
  const name = siteNameSchema.safeParse(text);
  if (!name.success) throw new InvalidArgumentError('must be a name of 1 to 60 letters, digits, signs and spaces.');
  return name.data;
}

/** A model of the bench, by how its id begins, or the ensemble. */
export function benchModel(text: string): string {
  if (!benchModelSchema.safeParse(text).success)
    throw new InvalidArgumentError(
      'must be how its id begins, at least 4 of 0–9 and a–f as `imagiq peers list` shows them; or: ensemble.',
    );
  return text;
}

/** An address, or what stands for one. */
export function proxy(text: string): string {
  if (text === 'environment' || text === 'none') return text;
  const url = proxyUrlSchema.safeParse(text);
  if (!url.success) throw new InvalidArgumentError(`${url.error.issues[0]!.message}; or environment, or none.`);
  return url.data;
}
