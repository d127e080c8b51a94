// Work that goes one piece after another, in the order in which it was asked for.

/** What fails fails for whoever asked for it: the next piece goes on. */
export type InTurn = <Value>(work: () => Promise<Value>) => Promise<Value>;

/** A queue of its own. */
export function openTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    // The caller hears of a failure through `done`.
    last = done.catch(() => {});
    return done;
  };
}
