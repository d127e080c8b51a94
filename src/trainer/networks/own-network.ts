// A network that somebody brings as a file: data, checked whole before anything is built of it.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { issueWords } from '../../contract/issue-words.ts';
import { type Network, networkSchema, type Task } from '../../contract/network.ts';
import { askedTask, networkCatalogue } from './catalogue.ts';
import { networkMalformed, networkNameTaken, networkUnusable } from './faults.ts';
import { inputsOf, planNetwork } from './plan.ts';

/** The most layers there may be take less. */
const mostBytes = 1024 * 1024;

/**
 * The network in a JSON file (docs/networks.md), asked this task for this many classes.
 * @throws Fault 302 (no definition), 303 (cannot do the task), 305 (a bundled network's name), 300 (a layer that is wrong or that nothing reads, or a limit passed)
 */
export function readNetworkFile(file: string, { task, classes }: { task: Task; classes: number }): Network {
  const name = path.basename(file);
  const content = contentOf(file, name);
  const parsed = networkSchema.safeParse(content, { reportInput: true });
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const isUnknownOp = issue.code === 'invalid_union' && issue.path.at(-1) === 'op';
    const reason = isUnknownOp ? 'there is no such layer' : issueWords(issue, content);
    throw networkMalformed(name, `${placeIn(content, issue.path)}${reason}`);
  }
  const network = askedTask(parsed.data, task);
  if (networkCatalogue().some((bundled) => bundled.name === network.name)) throw networkNameTaken(network.name);
  planNetwork(network, classes);
  const read = new Set([network.output, ...network.layers.flatMap(inputsOf)]);
  const unread = network.layers.find(({ id }) => !read.has(id));
  if (unread !== undefined)
    throw networkUnusable(network.name, unread.id, 'is read by no other layer and is not the output');
  return network;
}

const layersSchema = z.object({ layers: z.array(z.unknown()) });
const layerIdSchema = z.object({ id: z.string().max(100) });

/** Where an issue is: a layer by its name, where it has one. */
function placeIn(content: unknown, place: readonly PropertyKey[]): string {
  const [first, index, ...rest] = place;
  const layers = layersSchema.safeParse(content).data?.layers ?? [];
  const id =
    first === 'layers' && typeof index === 'number' ? layerIdSchema.safeParse(layers[index]).data?.id : undefined;
  if (id !== undefined) return ['layer', id, ...rest.map(String)].join(' ') + ': ';
  return place.length === 0 ? '' : `${place.map(String).join('.')}: `;
}

function contentOf(file: string, name: string): unknown {
  try {
    const { size } = statSync(file);
    if (size > mostBytes) throw networkMalformed(name, `it is larger than ${mostBytes / 1024} kB`);
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw networkMalformed(name, 'it cannot be read as JSON');
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      throw networkMalformed(name, error.code === 'ENOENT' ? 'it does not exist' : `the system answered ${error.code}`);
    throw error;
  }
}
