/** Of an absolute path its last name; anything else whole: in "Sent by CT/EAST" the slash is part of an AE title. */
export function lastName(source: string): string {
  const isPath = /^([A-Za-z]:)?[\\/]/.test(source);
  return isPath ? (source.split(/[\\/]/).findLast((name) => name !== '') ?? source) : source;
}

/**
 * A path as it is told apart from others of one import: below the imported folder that it lies in, with that folder's name; its last
 * name where it is one of the imported paths itself. Anything that is no path stays whole.
 */
export function shortPath(source: string, roots: readonly string[]): string {
  const root = roots
    .map((one) => one.replace(/[\\/]+$/, ''))
    .find((one) => one !== '' && source.startsWith(one) && /^[\\/]./.test(source.slice(one.length)));
  return root === undefined ? lastName(source) : lastName(root) + source.slice(root.length);
}
