// What the window may ask of the Electron shell itself. All else goes to the station by calls.ts.
import type { FaultValue } from './fault.ts';

/** Whether the station answers. `restarting` keeps the screens; `failed` carries a message for a person. */
export type StationState =
  /** `message`: what takes so long. */
  | { readonly state: 'starting'; readonly message?: string }
  | { readonly state: 'running' }
  | { readonly state: 'restarting'; readonly message: string }
  /** `code` of the fault that it told; null where it told none. */
  | { readonly state: 'failed'; readonly message: string; readonly code: number | null };

/** How an order to seal the station's keys, or to write them plain, ended. */
export type SealingOutcome = { readonly isSealed: boolean } | { readonly fault: FaultValue };

/** A part of the window, in CSS pixels from its upper left corner. */
export interface PictureAsked {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** With the words in the corners, which name the patient. */
  readonly hasWords: boolean;
}

export type PictureTaken = { readonly png: Uint8Array } | { readonly fault: FaultValue };

/** Where a picture was written; null where the user cancelled. */
export type PictureOutcome = { readonly file: string | null } | { readonly fault: FaultValue };

/** Menu items and accelerators that the window acts upon. */
export const shellCommands = [
  'import-folder',
  'import-files',
  'find',
  'copy-picture',
  'save-picture',
  'remove-studies',
  'show-studies',
  'show-pacs',
  'show-cohorts',
  'show-training',
  'show-models',
  'show-federation',
  'show-ledger',
  'show-settings',
  'show-help',
  'show-guide',
] as const;
export type ShellCommand = (typeof shellCommands)[number];

/** Files that the user may be asked for. */
export const fileKinds = ['csv', 'any'] as const;
export type FileKind = (typeof fileKinds)[number];

/** The bridge that the preload puts on `window.imagiqShell`. */
export interface ShellBridge {
  /** Platform of the shell, for shortcut labels: `darwin`, `win32`, `linux`. */
  readonly platform: string;
  /** Folders chosen in the system's dialog; null when the user cancelled. */
  chooseFolders(): Promise<string[] | null>;
  /** Files to import (images, a zip archive, a DICOMDIR) from the system's dialog; null when the user cancelled. */
  chooseFiles(): Promise<string[] | null>;
  /** A file chosen in the system's dialog; null when the user cancelled. */
  chooseFile(kind: FileKind): Promise<string | null>;
  /** A place to write a new file, from the system's dialog; null when the user cancelled. `name` is a proposal. */
  chooseNewFile(name: string): Promise<string | null>;
  /**
   * A part of this window as it is shown, without the mark along its upper edge, 2 CSS pixels high: magenta from the frame on in
   * which the words are hidden, cyan where they are wanted. Another frame is not taken.
   */
  takePicture(asked: PictureAsked): Promise<PictureTaken>;
  copyPicture(png: Uint8Array): Promise<void>;
  /** Writes a picture where the user says in the system's dialog. `name` is a proposal. */
  savePicture(png: Uint8Array, name: string): Promise<PictureOutcome>;
  /** The path of a dropped file or folder; empty where the drop has none. */
  pathOf(file: File): string;
  /** Asks for this window's port to the station; it arrives as a `message` event with data `station-port`. */
  openStationPort(): Promise<void>;
  /** The station's state now; later changes come by `onStationState`. */
  stationState(): Promise<StationState>;
  /** That this window is older than the sources behind it, for a person; null where it is not. */
  buildWarning(): Promise<string | null>;
  /** Why the system's key chain cannot seal the station's keys here; null where it can. */
  keyChainLack(): Promise<string | null>;
  sealKeys(isOn: boolean): Promise<SealingOutcome>;
  onStationState(listener: (state: StationState) => void): void;
  onCommand(listener: (command: ShellCommand) => void): void;
  /** An `imagiq://` link that the system handed to the app. */
  onLink(listener: (link: string) => void): void;
}
