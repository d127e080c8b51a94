interface Shortcut {
  readonly keys: readonly string[];
  readonly act: string;
}

/** What the help lists. The menu (src/main/app-menu.ts) and the screens themselves act on these keys. */
export const shortcutGroups: readonly { readonly title: string; readonly shortcuts: readonly Shortcut[] }[] = [
  {
    title: 'Everywhere',
    shortcuts: [
      { keys: ['Ctrl', 'O'], act: 'Import a folder' },
      { keys: ['Ctrl', 'Shift', 'O'], act: 'Import files, a zip archive or a disc’s DICOMDIR' },
      { keys: ['Ctrl', 'F'], act: 'Find studies' },
      { keys: ['Ctrl', '1'], act: 'Studies' },
      { keys: ['Ctrl', '2'], act: 'PACS' },
      { keys: ['Ctrl', '3'], act: 'Cohorts' },
      { keys: ['Ctrl', '4'], act: 'Training' },
      { keys: ['Ctrl', '5'], act: 'Federation' },
      { keys: ['Ctrl', '6'], act: 'Ledger' },
      { keys: ['Ctrl', ','], act: 'Settings' },
      { keys: ['F1'], act: 'This list' },
    ],
  },
  {
    title: 'Study list',
    shortcuts: [
      { keys: ['↑', '↓'], act: 'Move' },
      { keys: ['Enter'], act: 'Open the study' },
      { keys: ['Space'], act: 'Select' },
      { keys: ['Shift', '↑ ↓'], act: 'Select a range' },
      { keys: ['Ctrl', 'A'], act: 'Select every study found' },
      { keys: ['/'], act: 'Search' },
      { keys: ['→', '←'], act: 'Unfold and fold, in the tree of patients' },
      { keys: ['Alt', '← →'], act: 'Move a column, from its head' },
      { keys: ['Shift', '← →'], act: 'Resize a column, from its head' },
      { keys: ['Esc'], act: 'Clear the selection' },
    ],
  },
  {
    title: 'PACS',
    shortcuts: [
      { keys: ['Enter'], act: 'Find, or retrieve from the list' },
      { keys: ['Space'], act: 'Select' },
      { keys: ['Shift', '↑ ↓'], act: 'Select a range' },
      { keys: ['Ctrl', 'A'], act: 'Select all' },
      { keys: ['Esc'], act: 'Clear the selection' },
    ],
  },
  {
    title: 'Viewer',
    shortcuts: [
      { keys: ['↑', '↓'], act: 'Previous, next image' },
      { keys: ['Page ↑', 'Page ↓'], act: 'Ten images' },
      { keys: ['W'], act: 'Window by dragging' },
      { keys: ['P'], act: 'Pan' },
      { keys: ['Z'], act: 'Zoom' },
      { keys: ['I'], act: 'Invert' },
      { keys: ['R'], act: 'Reset' },
      { keys: ['C'], act: 'Cine' },
      { keys: ['H'], act: 'Header' },
      { keys: ['Esc'], act: 'Back to the studies' },
    ],
  },
];
