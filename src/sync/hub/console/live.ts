// The console's live line: server-sent events that say that something happened; the page asks for what it shows.
import type { ServerResponse } from 'node:http';
import type { HubNews } from '../hub-news.ts';

/** Pages that may listen at once. */
const maxListeners = 64;
/** Keeps proxies from ending a quiet line; the session is looked at again then. */
const beatMs = 15_000;

export interface LiveLine {
  /** Keeps the response open; `isSignedIn` is asked with every beat. @returns false when too many listen. */
  open(response: ServerResponse, isSignedIn: () => Promise<boolean>): boolean;
  tell(news: HubNews): void;
  close(): void;
}

export function openLiveLine(): LiveLine {
  const listeners = new Set<ServerResponse>();
  return {
    open(response, isSignedIn) {
      if (listeners.size >= maxListeners) return false;
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      response.write(': open\n\n');
      listeners.add(response);
      const beat = setInterval(() => {
        void isSignedIn().then(
          (isIn) => (isIn ? response.write(': beat\n\n') : response.end()),
          () => response.end(),
        );
      }, beatMs);
      response.on('close', () => {
        clearInterval(beat);
        listeners.delete(response);
      });
      return true;
    },
    tell({ kind }) {
      // A page that does not read misses it: it asks again by itself.
      for (const response of listeners) if (!response.writableNeedDrain) response.write(`data: ${kind}\n\n`);
    },
    close() {
      for (const response of listeners) response.end();
    },
  };
}
