// A file lock lives as long as the object that took it.

/** What the garbage collector must not close: it would let go of the lock of a caller that dropped the object but still lives. */
const heldLocks = new Set<{ close(): unknown }>();

/**
 * Keeps a taken lock (an open database in an exclusive transaction) for as long as the process lives.
 * @returns what gives it free; a second call does nothing
 */
export function holdLock(lock: { close(): unknown }): () => void {
  heldLocks.add(lock);
  return () => {
    if (heldLocks.delete(lock)) lock.close();
  };
}
