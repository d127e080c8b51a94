// The networks that come with the product: JSON files in resources/networks.
import { readdirSync, readFileSync } from 'node:fs';
import { networkSchema, type Network, type Task } from '../../contract/network.ts';
import { groupNormTwin, twinOf } from '../privacy/group-norm-twin.ts';
import { networkMalformed, networkOfOtherTask, networkUnknown } from './faults.ts';
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
  const network = bundledNetwork(name);
  return task === undefined ? network : askedTask(network, task);
}

/** The network asked another task than its own: one that classifies can be asked for one class or for several. @throws Fault 303 */
export function askedTask(network: Network, task: Task): Network {
  if (task === network.task) return network;
  if (!answers(network, task)) {
    const others = bundledNames().filter((name) => answers(bundledNetwork(name), task));
    throw networkOfOtherTask(network.name, network.task, task, others);
  }
  return { ...network, task };
}

/** The output for one class and for several is the same; that for pixels is another. */
const answers = ({ task: own }: Network, task: Task): boolean => (own === 'segmentation') === (task === 'segmentation');

function bundledNetwork(name: string): Network {
  const known = bundledNames();
  const original = twinOf(name);
  if (!known.includes(name) && original !== null && known.includes(original))
    return groupNormTwin(bundledNetwork(original));
  if (!known.includes(name)) throw networkUnknown(name, known);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  } catch {
    throw networkMalformed(`${name}.json`, 'it cannot be read as JSON');
  }
  const network = networkSchema.safeParse(content);
  if (!network.success) throw networkMalformed(`${name}.json`, network.error.issues[0]?.message ?? 'unknown reason');
  return network.data;
}

function bundledNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .toSorted();
}
