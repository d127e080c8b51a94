// A project that is being written: its fields, and what the hub says against them. It outlives a look at another page.
import { z } from 'zod';
import { type DraftCheck, draftCheckSchema } from '../../contract/console.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import type { ProjectProblem } from '../../contract/project-draft.ts';
import { askHub, consoleFault } from '../hub-link.ts';
import { type Draft, valueAt, withValueAt } from './draft-path.ts';
import { draftOfFile, newDraft } from './new-draft.ts';

/** After the last key. */
const settleMs = 250;

export class ProjectDraft {
  #draft = $state.raw<Draft>(newDraft());
  #check = $state.raw<DraftCheck | null>(null);
  #failure = $state<string | null>(null);
  #isChecking = $state(false);
  #settling: ReturnType<typeof setTimeout> | null = null;
  #asked = 0;

  /** Begins with a project's fields where one is given. */
  constructor(from: Project | null) {
    if (from !== null) this.#draft = { ...newDraft(), ...from };
    this.#checkSoon(0);
  }

  get fields(): Draft {
    return this.#draft;
  }

  /** As its file would be: names that were not given are made of the others. */
  get asFile(): Draft {
    const network = this.networkName;
    const { classes } = this;
    const id = `${network || 'project'}-${classes.length}-classes`.toLowerCase();
    const title = network === '' ? '' : `${network} on ${classes.join(', ')}`;
    return {
      ...this.#draft,
      id: this.#draft['id'] || id,
      title: this.#draft['title'] || title,
      network: this.#draft['network'] || undefined,
    };
  }

  get classes(): readonly string[] {
    return z.array(z.string()).catch([]).parse(this.#draft['classes']);
  }

  /** Of a bundled network, or of a layer graph. */
  get networkName(): string {
    const { network } = this.#draft;
    return typeof network === 'string' ? network : z.string().catch('').parse(valueAt(this.#draft, 'network.name'));
  }

  get isOwnNetwork(): boolean {
    return typeof this.#draft['network'] !== 'string';
  }

  /** Null until the hub has looked at what is written now. */
  get usable(): DraftCheck['usable'] {
    return this.#isChecking ? null : (this.#check?.usable ?? null);
  }

  get isChecking(): boolean {
    return this.#isChecking;
  }

  /** Why the hub could not look. */
  get failure(): string | null {
    return this.#failure;
  }

  get problems(): readonly ProjectProblem[] {
    return this.#check?.problems ?? [];
  }

  at(path: string): unknown {
    return valueAt(this.#draft, path);
  }

  set(path: string, value: unknown): void {
    this.#draft = withValueAt(this.#draft, path, value);
    this.#checkSoon(settleMs);
  }

  /** What stands against this field, or the whole that it chooses the shape of. */
  problemsAt(path: string): string[] {
    const around = path.endsWith('.kind') ? path.slice(0, -'.kind'.length) : path;
    return this.problems.filter(({ field }) => field === path || field === around).map(({ message }) => message);
  }

  /** Takes a project's file. @throws Fault 752 when it is none. */
  take(text: string): void {
    try {
      this.#draft = draftOfFile(text);
    } catch {
      throw consoleFault.noProjectFile();
    }
    this.#checkSoon(0);
  }

  #checkSoon(waitMs: number): void {
    this.#isChecking = true;
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.#askHub(), waitMs);
  }

  async #askHub(): Promise<void> {
    const asked = (this.#asked += 1);
    try {
      const check = await askHub('project/check', draftCheckSchema, { draft: this.asFile });
      if (asked !== this.#asked) return;
      this.#check = check;
      this.#failure = null;
    } catch (thrown) {
      if (asked !== this.#asked) return;
      this.#check = null;
      this.#failure = faultValueOf(thrown).message;
    }
    this.#isChecking = false;
  }
}
