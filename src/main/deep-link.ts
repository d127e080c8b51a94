// imagiq:// links: the system starts the app with one, or hands it to the app that runs.
import { app } from 'electron';
import { inviteTextPattern } from '../contract/invite.ts';

/** The first well-formed invite link among the words of a command line; null without one. */
export function linkIn(words: readonly string[]): string | null {
  return words.find((word) => inviteTextPattern.test(word)) ?? null;
}

/** Registers the app for imagiq:// and hears the links that arrive later. */
export function watchLinks(onLink: (link: string) => void): void {
  // From a clone the registration would name a bare Electron, which outlives the clone.
  if (app.isPackaged) app.setAsDefaultProtocolClient('imagiq');
  app.on('open-url', (event, url) => {
    event.preventDefault();
    const link = linkIn([url]);
    if (link) onLink(link);
  });
  app.on('second-instance', (_event, words) => {
    const link = linkIn(words);
    if (link) onLink(link);
  });
}
