// Questions to the hub over HTTP: each answer is checked by its schema, each refusal becomes the fault that the hub said.
import { z } from 'zod';
import { Fault } from '../contract/fault.ts';
import { faultSchema } from '../contract/fault-schema.ts';

const root = './api/';
const refusalSchema = z.object({ fault: faultSchema });

export const consoleFault = {
  noAnswer: () =>
    new Fault({ code: 750, message: 'The hub does not answer. It is asked again by itself.', retry: 'later' }),
  unreadable: () =>
    new Fault({
      code: 751,
      message: 'The hub answered something that this page cannot read. Reload the page.',
      retry: 'never',
    }),
  noProjectFile: () =>
    new Fault({
      code: 752,
      message: 'This file is no project: it holds no JSON object. docs/hub.md shows what a project’s file has.',
      retry: 'never',
    }),
} as const;

/** Code of the hub's fault for whoever is not signed in. */
export const notSignedInCode = 533;

/** @throws Fault the hub's own, 750 without an answer, 751 for one that is not of the schema. */
export async function askHub<Value>(name: string, schema: z.ZodType<Value>, body?: object): Promise<Value> {
  let response: Response;
  try {
    response = await fetch(
      `${root}${name}`,
      body === undefined ? {} : { method: 'POST', headers: { 'x-imagiq-console': '1' }, body: JSON.stringify(body) },
    );
  } catch {
    throw consoleFault.noAnswer();
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) {
    const value = schema.safeParse(answer);
    if (value.success) return value.data;
  }
  const refusal = refusalSchema.safeParse(answer);
  throw refusal.success ? new Fault(refusal.data.fault) : consoleFault.unreadable();
}
