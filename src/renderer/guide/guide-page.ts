// The guide's pages, in the order in which a newcomer reads them. They are the files of docs/.

export interface GuidePage {
  /** The file's name without its ending. */
  readonly name: string;
  readonly title: string;
  readonly html: string;
  readonly sections: readonly { readonly id: string; readonly title: string }[];
}

/** What is not named here follows, in the order of the names. */
const readingOrder = [
  'studies',
  'viewer',
  'pacs',
  'labels',
  'import-report',
  'training',
  'models',
  'privacy',
  'networks',
  'data-pipeline',
  'peers',
  'hub',
  'protocol',
];

const files = import.meta.glob<GuidePage>('../../../docs/*.md', { eager: true, import: 'default' });

export const guidePages: readonly GuidePage[] = Object.values(files).toSorted(
  (one, other) => place(one) - place(other) || one.name.localeCompare(other.name),
);

function place({ name }: GuidePage): number {
  const known = readingOrder.indexOf(name);
  return known < 0 ? readingOrder.length : known;
}
