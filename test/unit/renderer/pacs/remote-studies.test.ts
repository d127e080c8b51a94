import { expect, test } from 'vitest';
import type { StationLink } from '../../../../src/renderer/bridge/station-link.ts';
import { RemoteStudies } from '../../../../src/renderer/pacs/remote-studies.svelte.ts';
import { Toasts } from '../../../../src/renderer/ui/toasts.svelte.ts';

/** A peer that hangs, until the question is ended. */
function hangingPeer(): { remote: RemoteStudies; asked: unknown[]; signals: (AbortSignal | undefined)[] } {
  const asked: unknown[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const link: StationLink = {
    ask: (_name, input, signal) => {
      asked.push(input);
      signals.push(signal);
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('cancelled'))));
    },
    watch: () => () => {},
  };
  return { remote: new RemoteStudies(link, new Toasts(() => '')), asked, signals };
}

test('a question to a peer that hangs is ended, also at the station, and leaves no problem', async () => {
  const { remote, signals } = hangingPeer();
  const answer = remote.find('hang');
  expect(remote.isAsking).toBe(true);
  remote.cancel();
  await answer;
  expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  expect(remote).toMatchObject({ isAsking: false, problem: null, studies: null });
});

test('a description is looked for by a part of it, and a typed modality as DICOM writes it', () => {
  const { remote, asked } = hangingPeer();
  remote.description = 'thorax';
  remote.modality = ' rtdose ';
  void remote.find('hang');
  expect(asked).toMatchObject([{ query: { description: '*thorax*', modality: 'RTDOSE' } }]);
  remote.cancel();
});
