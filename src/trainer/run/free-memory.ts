// How much memory a run may reckon with.
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { availableMemory, constrainedMemory } from 'node:process';

/**
 * Memory that this process may still take, in bytes: the machine's, or less where a container or a service has a limit (cgroup).
 * `IMAGIQ_MEMORY_BYTES` says it instead, for tests and for whoever wants to leave more to others.
 */
export function freeMemoryBytes(environment: NodeJS.ProcessEnv): number {
  const given = Number(environment['IMAGIQ_MEMORY_BYTES'] ?? Number.NaN);
  if (given > 0) return given;
  const limit = constrainedMemory();
  if (limit === 0 || limit >= totalmem()) return availableMemory();
  // Under a limit Node counts the files that were read as taken: after an import that is all there is. The kernel drops them first.
  return Math.min(availableMemory() + keptFileBytes(), freemem());
}

/** Of the files that the kernel keeps in the memory of this process's control group, the bytes; 0 where it does not say. */
function keptFileBytes(): number {
  for (const file of statisticsFiles()) {
    try {
      return fileBytesOf(readFileSync(file, 'utf8'));
    } catch {
      // Of another version, or mounted elsewhere.
    }
  }
  return 0;
}

/** Where the control group's statistics may lie; in a container its own group is often mounted as the root. */
function statisticsFiles(): string[] {
  let groups: string;
  try {
    groups = readFileSync('/proc/self/cgroup', 'utf8');
  } catch {
    return [];
  }
  const own = groups.split('\n').flatMap((line) => {
    const [, controllers = '', group = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(',').includes('memory')) return [`/sys/fs/cgroup/memory${group}/memory.stat`];
    return controllers === '' && group !== '' ? [`/sys/fs/cgroup${group}/memory.stat`] : [];
  });
  return [...own, '/sys/fs/cgroup/memory/memory.stat', '/sys/fs/cgroup/memory.stat'];
}

/** From a `memory.stat` of either version; the first counts the groups below by names of their own. */
export function fileBytesOf(statistics: string): number {
  const values = new Map(statistics.split('\n').map((line) => line.split(' ') as [string, string]));
  const bytesOf = (name: string): number => Number(values.get(`total_${name}`) ?? values.get(name) ?? 0);
  return bytesOf('inactive_file') + bytesOf('active_file');
}
