// The hub's log: one line for each piece of news, as text for a person or as JSON for a collector.
import { sitesAwaitedText } from '../contract/federation.ts';
import { brokenLedgerText } from '../sync/hub/ledger-watch.ts';
import type { HubNews } from '../sync/hub/hub.ts';
import { openDoorLog, type Refusal } from './door-log.ts';

export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** From the least to the most grave. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A listener to the hub's news that writes those of `level` and above. */
export function hubLog(order: {
  readonly format: LogFormat;
  readonly level: LogLevel;
  readonly write: (line: string) => void;
}): (news: HubNews) => void {
  const tell = (news: HubNews, others = 0): void => {
    const level = levelOf(news);
    if (logLevels.indexOf(level) < logLevels.indexOf(order.level)) return;
    const time = new Date().toISOString();
    const message = others > 0 && news.kind === 'site-refused' ? othersText(news, others) : newsText(news);
    const counted = others > 0 ? { others } : {};
    // The message ends the line: a collector shows it after the fields that it filters by.
    order.write(
      order.format === 'json'
        ? JSON.stringify({ time, level, ...news, ...counted, message })
        : `${time} ${level} ${message}`,
    );
  };
  const tellRefusal = openDoorLog(tell);
  const isRepeated = openRepeatedRefusals();
  return (news) => {
    if (news.kind === 'site-refused') tellRefusal(news);
    else if (!isRepeated(news)) tell(news);
  };
}

/** Whether a site's update is refused for what it was refused for before: until the trunk moves, it offers the same one every few seconds. */
function openRepeatedRefusals(): (news: HubNews) => boolean {
  const reasons = new Map<string, string>();
  return (news) => {
    if (news.kind === 'update-accepted') reasons.delete(news.site);
    if (news.kind === 'trunk-committed' || news.kind === 'project-changed') reasons.clear();
    if (news.kind !== 'update-refused') return false;
    const before = reasons.get(news.site);
    reasons.set(news.site, news.fault.message);
    return before === news.fault.message;
  };
}

const othersText = ({ from, fault }: Refusal, others: number): string =>
  `${others} more within a minute${from === null ? '' : `, the last at ${from}`}: ${fault.message}`;

function levelOf(news: HubNews): LogLevel {
  switch (news.kind) {
    case 'failed':
    case 'commit-failed':
    case 'masked-buffer-failed':
    case 'ledger-broken':
      return 'error';
    case 'site-refused':
    case 'update-refused':
    case 'update-lost':
    case 'site-dismissed':
    case 'masked-buffer-given-up':
    case 'masked-buffer-refused':
      return 'warn';
    case 'blobs-swept':
    case 'ledger-verified':
      return 'debug';
    default:
      return 'info';
  }
}

/** A line of the hub's log: sites by the names that they gave themselves, never anything of a patient. */
function newsText(news: HubNews): string {
  switch (news.kind) {
    case 'trunk-committed':
      return `trunk ${news.version} committed from ${news.updates} updates${news.isFinished ? '; the project is finished' : ''}`;
    case 'update-accepted':
      return `${news.site}: update accepted${news.isDuplicate ? ' (again: counted once)' : ''}`;
    case 'sites-awaited':
      return `the first trunk commit is ${sitesAwaitedText(news)}`;
    case 'update-refused':
      return `${news.site}: update refused: ${news.fault.message}`;
    case 'update-lost':
      return `${news.site}: an accepted update cannot be counted: ${news.because}`;
    case 'site-refused':
      return `a site${news.from === null ? '' : ` at ${news.from}`} was not let in: ${news.fault.message}`;
    case 'commit-failed':
      return `a trunk commit failed and is tried again: ${news.fault.message}`;
    case 'failed':
      return `${news.site}: failed inside: ${news.fault.message}`;
    case 'masked-buffer-opened':
      return `masked buffer of ${news.sites.join(', ')} opened`;
    case 'masked-buffer-given-up':
      return `masked buffer given up: ${news.fault.message}`;
    case 'masked-buffer-failed':
      return `a masked buffer failed inside and goes on later: ${news.fault.message}`;
    case 'masked-buffer-refused':
      return `${news.site}: refused a masked buffer: ${news.reason}`;
    case 'masked-update-arrived':
      return `${news.site}: masked update arrived`;
    case 'project-answered':
      return `${news.site}: ${news.answer} the project${news.because === null ? '' : `: ${news.because}`}`;
    case 'project-changed':
      return `project ${news.project} ${news.isFinished ? 'is finished' : 'is put to the sites'}`;
    case 'console-act':
      return `web console: ${news.act}`;
    case 'ledger-verified':
      return `all ${news.entries} entries of the ledger are as they were written`;
    case 'ledger-broken':
      return `THE LEDGER WAS CHANGED: ${brokenLedgerText(news)}`;
    case 'blobs-swept':
      return `${news.blobs} blobs thrown away that were stored and never offered`;
    case 'model-published':
      return `${news.site}: model published to ${news.recipients} members`;
    default:
      return `${news.site}: ${news.kind.replace('site-', '')}`;
  }
}
