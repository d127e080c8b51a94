// A picture of the image as it is shown, with what is drawn on it: for a file, or the clipboard.
import { openTurns } from '../../contract/in-turn.ts';
import type { ShellBridge } from '../../contract/shell.ts';
import { Fault } from '../../contract/fault.ts';
import type { StackView } from './stack-view.svelte.ts';

export class PictureTaking {
  readonly #shell: ShellBridge;
  #state = $state<'bare' | 'with-words'>();
  /** What the screen leaves out is that of one picture at a time. */
  readonly #inTurn = openTurns();

  constructor(shell: ShellBridge) {
    this.#shell = shell;
  }

  /** What the screen leaves out while the picture is taken: `bare` also the words in the corners, which name the patient. */
  get state(): 'bare' | 'with-words' | undefined {
    return this.#state;
  }

  /** @throws Fault where the window is not drawn */
  async copy(area: Element, hasWords: boolean): Promise<void> {
    await this.#shell.copyPicture(await this.#take(area, hasWords));
  }

  /** @returns where it was written; null where the reader gave it up. @throws Fault where it could not be taken or written */
  async save(area: Element, hasWords: boolean, name: string): Promise<string | null> {
    const outcome = await this.#shell.savePicture(await this.#take(area, hasWords), name);
    if ('fault' in outcome) throw new Fault(outcome.fault);
    return outcome.file;
  }

  #take(area: Element, hasWords: boolean): Promise<Uint8Array> {
    return this.#inTurn(() => this.#takeNow(area, hasWords));
  }

  async #takeNow(area: Element, hasWords: boolean): Promise<Uint8Array> {
    this.#state = hasWords ? 'with-words' : 'bare';
    try {
      const { x, y, width, height } = area.getBoundingClientRect();
      const outcome = await this.#shell.takePicture({ x, y, width, height, hasWords });
      if ('fault' in outcome) throw new Fault(outcome.fault);
      return outcome.png;
    } finally {
      this.#state = undefined;
    }
  }
}

/** For a file: it names the place of the image, and nobody. */
export function pictureName({ series, index }: StackView): string {
  const { modality = '', seriesNumber = null } = series ?? {};
  const words = [modality, seriesNumber === null ? '' : `series ${seriesNumber}`, `image ${index + 1}`];
  const name = words.filter((word) => word !== '').join(' ');
  return `${name.replaceAll(/[^\w .-]/g, '')}.png`;
}
