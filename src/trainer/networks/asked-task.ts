// A network asked another task than its own.
import type { Network, Task } from '../../contract/network.ts';
import { networkOfOtherTask } from './faults.ts';

/** One that classifies can be asked for one class or for several: its output is the same. @throws Fault 303 */
export function askedTask(network: Network, task: Task): Network {
  const { name, task: own } = network;
  if (task === own) return network;
  if (task === 'segmentation' || own === 'segmentation') throw networkOfOtherTask(name, own, task);
  return { ...network, task };
}
