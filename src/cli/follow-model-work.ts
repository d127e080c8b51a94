// Work of a model as the terminal follows it: how far it is, why it waits. Ctrl+C cancels it.
import type { EventValue } from '../contract/calls.ts';
import type { Output } from './output.ts';
import type { StationLink } from './station-link.ts';

type Progress = EventValue<'model-progress'>;

/** @param words of progress; why it waits is told apart, also where there is no line of progress */
export async function followModelWork<Value>(
  station: Pick<StationLink, 'listen' | 'call'>,
  output: Pick<Output, 'log' | 'progress'>,
  words: (progress: Progress) => string,
  work: () => Promise<Value>,
): Promise<Value> {
  let waitTold: string | null = null;
  const stopListening = station.listen('model-progress', (progress) => {
    const { waitsFor } = progress;
    if (waitsFor !== null && waitsFor !== waitTold) output.log(`The model waits: ${waitsFor}`);
    if (waitsFor === null && waitTold !== null) output.log('The model goes on.');
    waitTold = waitsFor;
    output.progress(waitsFor === null ? words(progress) : `waits: ${waitsFor}`);
  });
  const stop = (): void => void station.call('cancel-model-work', {}).catch(() => {});
  process.once('SIGINT', stop);
  try {
    return await work();
  } finally {
    process.off('SIGINT', stop);
    stopListening();
  }
}
