/** Of an absolute path its last name; anything else whole: in "Sent by CT/EAST" the slash is part of an AE title. */
export function lastName(source: string): string {
  const isPath = /^([A-Za-z]:)?[\\/]/.test(source);
  return isPath ? (source.split(/[\\/]/).findLast((name) => name !== '') ?? source) : source;
}
