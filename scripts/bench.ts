// `npm run bench [-- NAME…]`: measures ImagiQ beside its peers in one run, prints ratios first, keeps the figures. With --json, as
// `imagiq bench NAME` starts it, one bench's figures are the only thing on stdout, and nothing is kept.
// `federation --part NAME` measures a part of that bench and keeps it beside what its file has of the others.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { accuracy } from './bench/accuracy.ts';
import { aggregation } from './bench/aggregation.ts';
import { federation, federationParts } from './bench/federation.ts';
import { growth } from './bench/growth.ts';
import { hub } from './bench/hub.ts';
import type { Measurement } from './bench/measurement.ts';
import { dicomImport } from './bench/dicom-import.ts';
import { dicomReceive } from './bench/dicom-receive.ts';
import { pixels } from './bench/pixels.ts';
import { secureAggregation } from './bench/secure-aggregation.ts';
import { studyList } from './bench/study-list.ts';
import { training } from './bench/training.ts';
import { viewer } from './bench/viewer.ts';

/** More than its lines that a bench says, kept beside them in its file. */
const figures: Record<string, object | undefined> = {};
const { values, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    part: { type: 'string', multiple: true, default: [] },
  },
});
const { json: isJson, quick: isQuick } = values;
const parts = federationParts.filter((part) => values.part.includes(part));
if (parts.length < values.part.length) {
  console.error(`Parts of the bench federation: ${federationParts.join(', ')}.`);
  process.exit(2);
}

const benches: Record<string, () => Promise<Measurement[]>> = {
  dicom: async () => [...(await dicomImport()), ...(await dicomReceive())],
  receive: dicomReceive,
  pixels,
  'study-list': studyList,
  train: training,
  accuracy,
  growth: () => growth(isQuick),
  viewer,
  aggregation: () => aggregation(isQuick),
  hub: async () => {
    const result = await hub(isQuick);
    figures['hub'] = result?.figures;
    return result?.measurements ?? [];
  },
  federation: async () => {
    const result = await federation(isQuick, parts);
    figures['federation'] = result?.figures;
    return result?.measurements ?? [];
  },
  'secure-aggregation': secureAggregation,
};
const root = path.resolve(import.meta.dirname, '..');

const unknown = chosen.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. Known: ${Object.keys(benches).join(', ')}.`);
  process.exit(2);
}

if (isJson) {
  const [name = '', another] = chosen;
  if (name === '' || another !== undefined) {
    console.error('--json tells of one bench: name it.');
    process.exit(2);
  }
  // What a bench says on its way.
  console.log = console.error;
  const measurements = (await benches[name]?.()) ?? [];
  process.stdout.write(`${JSON.stringify({ name, ...machine(), ...figures[name], measurements })}\n`);
}
for (const name of isJson ? [] : chosen.length > 0 ? chosen : Object.keys(benches)) {
  console.log(`\n${name}`);
  const measurements = (await benches[name]?.()) ?? [];
  for (const { what, ratio, ours, peers, unit, note } of measurements) {
    const against = peers.map((peer) => `${peer.name} ${format(peer.value)}`).join(', ');
    const shown = ratio === null ? '   –  ' : `${ratio.toFixed(2)}×`.padStart(6);
    console.log(
      `${shown}  ${what}: ${format(ours)} ${unit}${against ? `; ${against}` : ''}${note ? ` (${note})` : ''}`,
    );
  }
  // Those of a try are nobody's figures.
  if (isQuick) continue;
  const folder = path.join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.json`);
  const kept = { figures: figures[name], measurements };
  const all = name === 'federation' && parts.length > 0 && existsSync(file) ? besideOthers(file, kept) : kept;
  writeFileSync(file, `${JSON.stringify({ name, ...machine(), ...all }, null, 2)}\n`);
}

/** A part's figures with what the file has of the others. */
function besideOthers(file: string, part: { figures: unknown; measurements: Measurement[] }): object {
  const known = JSON.parse(readFileSync(file, 'utf8')) as { figures?: object; measurements: Measurement[] };
  const isAnew = ({ what }: Measurement): boolean => part.measurements.some((one) => one.what === what);
  return {
    figures: { ...known.figures, ...(part.figures as object) },
    measurements: [...known.measurements.filter((one) => !isAnew(one)), ...part.measurements],
  };
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function machine(): Record<string, unknown> {
  let commit = 'unknown';
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    // Outside of a clone the figures still have their machine and date.
  }
  const { model = 'unknown' } = os.cpus()[0] ?? {};
  return {
    at: new Date().toISOString(),
    commit,
    cpu: model,
    cores: os.availableParallelism(),
    loadAverage: os.loadavg().map((load) => Number(load.toFixed(1))),
    memoryGb: Math.round(os.totalmem() / 1e9),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
  };
}
