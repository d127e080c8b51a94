// The networks that come with the product: JSON files in resources/networks.
import { readdirSync, readFileSync } from 'node:fs';
import { networkSchema, type Network, type Task } from '../../contract/network.ts';
import { groupNormTwin, twinOf } from '../privacy/group-norm-twin.ts';
import { askedTask } from './asked-task.ts';
import { networkMalformed, networkUnknown } from './faults.ts';
import { planNetwork } from './plan.ts';

const folder = new URL('../../../resources/networks/', import.meta.url);

export interface CatalogueEntry {
  readonly name: string;
  readonly description: string;
  readonly task: Network['task'];
  readonly input: Network['input'];
  /** Trainable values with two classes. */
  readonly parameters: number;
}

/** The bundled networks by name. @throws Fault 302 when one of the files is damaged. */
export function networkCatalogue(): CatalogueEntry[] {
  return bundledNames().map((name) => {
    const network = resolveNetwork(name);
    const { description, task, input } = network;
    return { name, description, task, input, parameters: planNetwork(network, 2).parameters };
  });
}

/**
 * The bundled network of this name (or its twin with group norm, `resnet18-group-norm`), asked this task: one that classifies can be asked for one class or for several, its
 * output is the same. Without a task, its own. @throws Fault 303 when it cannot do the task, 301 when there is none, 302 when its file is damaged. */
export function resolveNetwork(name: string, task?: Task): Network {
  const known = bundledNames();
  const original = twinOf(name);
  if (!known.includes(name) && original !== null && known.includes(original))
    return groupNormTwin(resolveNetwork(original, task));
  if (!known.includes(name)) throw networkUnknown(name, known);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  } catch {
    throw networkMalformed(`${name}.json`, 'it cannot be read as JSON');
  }
  const network = networkSchema.safeParse(content);
  if (!network.success) throw networkMalformed(`${name}.json`, network.error.issues[0]?.message ?? 'unknown reason');
  return task === undefined ? network.data : askedTask(network.data, task);
}

function bundledNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .toSorted();
}
