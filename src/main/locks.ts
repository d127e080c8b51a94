// What a page in ImagiQ may never do, whatever runs in it: leave its files, open windows, use devices, embed others.
import { app, session, type IpcMainEvent, type IpcMainInvokeEvent } from 'electron';
import { isWindowUrl } from './app-protocol.ts';

/** Locks every web contents that will ever be made. */
export function lockWebContents(): void {
  app.on('web-contents-created', (_event, contents) => {
    const keepInside = (event: { preventDefault(): void }, url: string): void => {
      if (!isWindowUrl(url)) event.preventDefault();
    };
    contents.on('will-navigate', (event) => keepInside(event, event.url));
    contents.on('will-redirect', (event) => keepInside(event, event.url));
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}

/** Refuses every permission: the window needs none. Call when the app is ready. */
export function lockPermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.defaultSession.setPermissionCheckHandler(() => false);
  session.defaultSession.setDevicePermissionHandler(() => false);
}

/** Whether a message comes from the top frame of our own window. A frame may be gone by now: then it does not. */
export function isFromWindow(event: IpcMainEvent | IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame.parent === null && isWindowUrl(frame.url);
}
