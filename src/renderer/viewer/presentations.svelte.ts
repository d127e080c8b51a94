// The presentation states of a study: which are for the image of a viewport, and which of them is shown there.
import type { Study } from '../../contract/dicom.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Presentation } from '../../contract/presentation.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { isPresented } from './presented.ts';
import type { StackView } from './stack-view.svelte.ts';

export class Presentations {
  #all = $state.raw<readonly Presentation[]>([]);
  #problems = $state.raw<readonly string[]>([]);

  constructor({ studyInstanceUID, series }: Study, station: StationLink) {
    if (!series.some(({ modality }) => modality === 'PR')) return;
    station.ask('presentations', { studyInstanceUID }).then(
      ({ presentations, problems }) => {
        this.#all = presentations;
        this.#problems = problems;
      },
      (fault: unknown) => (this.#problems = [faultValueOf(fault).message]),
    );
  }

  /** Why states of the study cannot be shown, for a person. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Those for the image that is shown, the newest first. */
  for({ shown }: StackView): readonly Presentation[] {
    return shown ? this.#all.filter((state) => isPresented(state, shown.item)) : [];
  }

  /** Shows the next state of the image, after the last one the image as its file says. */
  showNext(view: StackView): void {
    const states = this.for(view);
    const { presentation } = view.look;
    const at = presentation ? states.indexOf(presentation) : -1;
    view.present(presentation && at < 0 ? null : (states[at + 1] ?? null));
  }

  /** What stands on the image about states, as sentences. */
  wordsFor(view: StackView): { readonly name: string; readonly notes: readonly string[] } {
    const states = this.for(view);
    const { presentation } = view.look;
    if (!presentation) {
      const several = states.length === 1 ? 'Presentation state' : `${states.length} presentation states`;
      return { name: states.length === 0 ? '' : `${several}: Shift P`, notes: this.#problems };
    }
    const at = states.indexOf(presentation);
    const name = `${states.length > 1 ? `State ${at + 1} of ${states.length}` : 'State'}: ${titleOf(presentation)}`;
    if (at < 0) return { name: `State: ${titleOf(presentation)}, not for this image`, notes: this.#problems };
    const { leftOut } = presentation;
    return { name, notes: leftOut.length === 0 ? this.#problems : [`The state has more: ${leftOut.join(', ')}`] };
  }
}

/** Label, description and who made it, as far as the file says. */
function titleOf({ label, description, creator }: Presentation): string {
  const words = [description || label, creator.replaceAll(/[\^=]+/g, ' ').trim()].filter((part) => part !== '');
  return words.join(' · ') || 'unnamed';
}
