// The menu bar: where every command with an accelerator is found.
import { BrowserWindow, Menu, type MenuItemConstructorOptions } from 'electron';
import type { ShellCommand } from '../contract/shell.ts';

/** Builds the menu; `tell` passes a chosen command to the window. */
export function setAppMenu(options: {
  readonly isPackaged: boolean;
  readonly tell: (command: ShellCommand) => void;
}): void {
  const item = (label: string, command: ShellCommand, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    click: () => options.tell(command),
    ...(accelerator === undefined ? {} : { accelerator }),
  });
  const isMac = process.platform === 'darwin';
  // As the key does: the studies of a list, the text of a field. The role knows of text only.
  const selectAll: MenuItemConstructorOptions = {
    label: 'Select all',
    accelerator: 'Ctrl+A',
    registerAccelerator: false,
    click: (_item, window) => {
      if (window instanceof BrowserWindow)
        for (const type of ['keyDown', 'keyUp'] as const)
          window.webContents.sendInputEvent({ type, keyCode: 'A', modifiers: ['control'] });
    },
  };
  const template: MenuItemConstructorOptions[] = [
    ...(isMac ? [{ role: 'appMenu' } as const] : []),
    {
      label: '&File',
      submenu: [
        item('Import folder…', 'import-folder', 'CmdOrCtrl+O'),
        item('Import files…', 'import-files', 'CmdOrCtrl+Shift+O'),
        item('Save picture…', 'save-picture', 'CmdOrCtrl+S'),
        { type: 'separator' },
        item('Settings', 'show-settings', 'CmdOrCtrl+,'),
        { type: 'separator' },
        isMac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        { type: 'separator' },
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        isMac ? { role: 'selectAll' } : selectAll,
        item('Copy picture', 'copy-picture'),
        { type: 'separator' },
        item('Find studies', 'find', 'CmdOrCtrl+F'),
        { type: 'separator' },
        // Delete is the study list's own key: in the menu it would be taken from fields of text.
        item('Remove from library…', 'remove-studies'),
      ],
    },
    {
      label: '&View',
      submenu: [
        item('Studies', 'show-studies', 'CmdOrCtrl+1'),
        item('PACS', 'show-pacs', 'CmdOrCtrl+2'),
        item('Cohorts', 'show-cohorts', 'CmdOrCtrl+3'),
        item('Training', 'show-training', 'CmdOrCtrl+4'),
        item('Models', 'show-models', 'CmdOrCtrl+5'),
        item('Federation', 'show-federation', 'CmdOrCtrl+6'),
        item('Ledger', 'show-ledger', 'CmdOrCtrl+7'),
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        ...(options.isPackaged ? [] : [{ role: 'toggleDevTools' } as const]),
      ],
    },
    { role: 'windowMenu', label: '&Window' },
    {
      label: '&Help',
      submenu: [item('Guide', 'show-guide', 'Shift+F1'), item('Keyboard shortcuts', 'show-help', 'F1')],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
