// What a process that trains is given beside the environment of its parent.

/**
 * Large pages for what the runtime allocates, where glibc is the C library: a step goes over hundreds of megabytes, and taking
 * those 4 KB at a time costs a quarter of the processor time before the first step and a twentieth of each. Elsewhere it says
 * nothing. (glibc manual, "Memory Allocation Tunables"; it needs to be set before the process starts.)
 */
const largePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };

/** @param inherited the parent's; what it says already stays */
export function trainerEnvironment(inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const asNode = process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' };
  return { ...largePages, ...inherited, ...asNode };
}
