// Which screen is shown.
import type { RemovalChoice } from './studies/study-removal.svelte.ts';
import type { Study } from '../contract/dicom.ts';
import type { StudyFilter } from '../contract/study-filter.ts';
import type { IconName } from './ui/Icon.svelte';

export const screens = [
  { name: 'studies', label: 'Studies', icon: 'studies' },
  { name: 'pacs', label: 'PACS', icon: 'server' },
  { name: 'cohorts', label: 'Cohorts', icon: 'cohorts' },
  { name: 'training', label: 'Training', icon: 'training' },
  { name: 'models', label: 'Models', icon: 'cube' },
  { name: 'federation', label: 'Federation', icon: 'federation' },
  { name: 'ledger', label: 'Ledger', icon: 'ledger' },
] as const satisfies readonly { name: string; label: string; icon: IconName }[];
export type ScreenName = (typeof screens)[number]['name'] | 'settings' | 'viewer' | 'guide';

/** What the viewer was asked to show. */
export interface OpenedStudy {
  readonly study: Study;
  readonly seriesInstanceUID: string | null;
  /** The image of that series to begin with; the middle one where none is named. */
  readonly image?: { readonly sopInstanceUID: string; readonly frame: number };
}

/** What is to be sent to a peer: whole studies, or single series. */
export interface SendChoice {
  readonly studyInstanceUIDs: readonly string[];
  readonly series: readonly { readonly studyInstanceUID: string; readonly seriesInstanceUID: string }[];
}

/** A picture of the image that is shown; each request is an object of its own. */
export interface PictureRequest {
  readonly act: 'copy' | 'save';
}

/** What a new cohort is made of: a search, or chosen studies. */
export interface CohortSource {
  readonly query: string;
  readonly filters?: readonly StudyFilter[];
  readonly studyInstanceUIDs: string[] | null;
  /** A labels file that is known already, as with practice studies. */
  readonly labelsFile?: string;
}

export class Navigation {
  #screen = $state<ScreenName>('studies');
  #opened = $state.raw<OpenedStudy | null>(null);
  #cohortSource = $state.raw<CohortSource | null>(null);
  #sending = $state.raw<SendChoice | null>(null);
  #modelling = $state.raw<readonly string[] | null>(null);
  #removing = $state.raw<RemovalChoice | null>(null);
  #removeRequests = $state(0);
  #askedRun = $state.raw<{ readonly cohort: string | null } | null>(null);
  #findRequests = $state(0);
  #helpRequests = $state(0);
  #areKeysWanted = $state(false);
  #pictureRequest = $state.raw<PictureRequest | null>(null);
  /** The page of the guide that is open, kept while other screens are shown. */
  guidePage = $state('studies');

  get screen(): ScreenName {
    return this.#screen;
  }

  get opened(): OpenedStudy | null {
    return this.#opened;
  }

  /** Set while the dialog for a new cohort is open. */
  get cohortSource(): CohortSource | null {
    return this.#cohortSource;
  }

  /** While the dialog that asks to whom is open. */
  get sending(): SendChoice | null {
    return this.#sending;
  }

  /** Studies to run a model on, by UID, while the dialog that asks which model is open. */
  get modelling(): readonly string[] | null {
    return this.#modelling;
  }

  /** What is to leave the library, while the dialog that asks is open. */
  get removing(): RemovalChoice | null {
    return this.#removing;
  }

  /** Grows each time what is chosen on the screen of studies should be removed. */
  get removeRequests(): number {
    return this.#removeRequests;
  }

  /** Set while the dialog for a new run is open; with the cohort that it was asked for from. */
  get askedRun(): { readonly cohort: string | null } | null {
    return this.#askedRun;
  }

  /** Grows each time the search field should take the focus. */
  get findRequests(): number {
    return this.#findRequests;
  }

  /** Grows each time the viewer should list its keys. */
  get helpRequests(): number {
    return this.#helpRequests;
  }

  /** The settings should show the list of keys. */
  get areKeysWanted(): boolean {
    return this.#areKeysWanted;
  }

  /** They do. */
  keysShown(): void {
    this.#areKeysWanted = false;
  }

  show(screen: Exclude<ScreenName, 'viewer'>): void {
    this.#screen = screen;
  }

  openStudy(opened: OpenedStudy): void {
    this.#opened = opened;
    this.#screen = 'viewer';
  }

  makeCohort(source: CohortSource): void {
    this.#cohortSource = source;
  }

  closeCohortDialog(): void {
    this.#cohortSource = null;
  }

  send(choice: SendChoice): void {
    this.#sending = choice;
  }

  closeSendDialog(): void {
    this.#sending = null;
  }

  remove(choice: RemovalChoice): void {
    this.#removing = choice;
  }

  closeRemoveDialog(): void {
    this.#removing = null;
  }

  /** From another screen it only leads to the studies: what is chosen there must be seen. */
  removeChosen(): void {
    if (this.#screen === 'studies') this.#removeRequests += 1;
    else this.#screen = 'studies';
  }

  runModel(studyInstanceUIDs: readonly string[]): void {
    this.#modelling = studyInstanceUIDs;
  }

  closeModelDialog(): void {
    this.#modelling = null;
  }

  newRun(cohort: string | null = null): void {
    this.#askedRun = { cohort };
    this.#screen = 'training';
  }

  closeRunDialog(): void {
    this.#askedRun = null;
  }

  /** The last one that the menu asked for. */
  get pictureRequest(): PictureRequest | null {
    return this.#pictureRequest;
  }

  /** Nothing where no image is shown. */
  askPicture(act: PictureRequest['act']): void {
    this.#pictureRequest = { act };
  }

  /** The viewer lists its keys over the images; elsewhere all keys stand in the settings. */
  help(): void {
    if (this.#screen === 'viewer') {
      this.#helpRequests += 1;
      return;
    }
    this.#screen = 'settings';
    this.#areKeysWanted = true;
  }

  /** Opens the guide, at the page about the screen from which it was asked for. */
  guide(): void {
    const pages: Partial<Record<ScreenName, string>> = {
      studies: 'studies',
      viewer: 'viewer',
      pacs: 'pacs',
      cohorts: 'labels',
      training: 'training',
      models: 'models',
      federation: 'peers',
      ledger: 'ledger',
    };
    this.guidePage = pages[this.#screen] ?? this.guidePage;
    this.#screen = 'guide';
  }

  find(): void {
    this.#screen = 'studies';
    this.#findRequests += 1;
  }
}
