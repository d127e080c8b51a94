// The live table of the practice federation: one row per hospital, redrawn in place on a terminal, appended elsewhere.
import type { Membership } from '../../contract/federation.ts';
import { table } from '../output.ts';

export interface HospitalRow {
  readonly name: string;
  readonly speed: string;
  phase: string;
  images: number | null;
  membership: Membership | null;
}

export interface LiveTable {
  update(): void;
  /** A line above the table that stays. */
  log(line: string): void;
  end(): void;
}

/** Redraws at most this often. */
const frameMs = 200;

export function liveTable(rows: readonly HospitalRow[], stream: NodeJS.WriteStream, started: number): LiveTable {
  let drawnLines = 0;
  let drawnAt = 0;
  const clear = (): void => {
    if (drawnLines > 0) stream.write(`\u001B[${drawnLines}A\u001B[0J`);
    drawnLines = 0;
  };
  const draw = (): void => {
    clear();
    const text = render(rows, started);
    stream.write(`${text}\n`);
    drawnLines = text.split('\n').length;
    drawnAt = Date.now();
  };
  return {
    update() {
      if (stream.isTTY && Date.now() - drawnAt >= frameMs) draw();
    },
    log(line) {
      if (stream.isTTY) clear();
      stream.write(`${line}\n`);
      if (stream.isTTY) draw();
    },
    end() {
      if (stream.isTTY) draw();
      else stream.write(`${render(rows, started)}\n`);
      drawnLines = 0;
    },
  };
}

function render(rows: readonly HospitalRow[], started: number): string {
  const body = rows.map(({ name, speed, phase, images, membership }) => {
    const last = membership?.history.at(-1);
    return [
      name,
      speed,
      membership ? membership.activity : phase,
      images ?? '',
      membership?.trunkVersion ?? '',
      membership?.updates.accepted ?? '',
      last ? (last.auc ?? Number.NaN).toFixed(3) : '',
      last ? last.loss.toFixed(3) : '',
      membership ? `${(membership.bytesSent / 1e6).toFixed(1)} MB` : '',
    ];
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  return `${table(['hospital', 'speed', 'doing', 'images', 'trunk', 'updates', 'val. AUC', 'val. loss', 'sent'], body)}\n${seconds} s`;
}
