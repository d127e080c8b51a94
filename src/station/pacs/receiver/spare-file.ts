// Creating a file takes as long as half of receiving a small instance: the next one is made while the sender, which has
// its answer, gets its next instance ready.
import { rmSync } from 'node:fs';
import type { InstanceIntake } from '../../library/instance-intake.ts';
import { arrivalMemory, InstanceFile } from './instance-file.ts';

/** Of one association, whose instances come one after another: they use one memory. */
export class SpareFile {
  readonly #intake: InstanceIntake;
  readonly #memory = arrivalMemory();
  #spare: InstanceFile | null = null;
  #isClosed = false;

  constructor(intake: InstanceIntake) {
    this.#intake = intake;
  }

  /** @throws Fault 111 (closed), the file system's error. */
  take(): InstanceFile {
    const spare = this.#spare;
    this.#spare = null;
    return spare ?? new InstanceFile(this.#intake.newFile(), this.#memory);
  }

  /** Makes one for the next instance, in a moment. */
  prepare(): void {
    setImmediate(() => {
      if (this.#isClosed || this.#spare !== null) return;
      try {
        this.#spare = this.take();
      } catch {
        // Said when an instance needs the file.
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const spare = this.#spare;
    this.#spare = null;
    if (spare === null) return;
    await spare.close();
    rmSync(spare.path, { force: true });
  }
}
