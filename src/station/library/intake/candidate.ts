// What an import found and a worker thread shall read: a file of its own, or a member of an archive.
import type { MaskOf } from './mask-pairs.ts';
import type { ZipMember } from './zip-members.ts';

export interface Candidate {
  /** As told to people: the file's path, or `archive.zip/member`. */
  readonly source: string;
  /** The file to read, or the archive that holds `member`. */
  readonly file: string;
  readonly member: ZipMember | null;
  /** How many archives lie around it. */
  readonly depth: 0 | 1 | 2;
  /** Folders below the imported path, archives left out, and the file's name: a label can be read from it. */
  readonly within: string;
  /** PatientID for a picture or volume that has none of its own; null where nothing says one. */
  readonly patient: string | null;
  /** Where the names of folders and files say that it is a volume's mask; `patient` is the volume's then. */
  readonly maskOf?: MaskOf;
}
