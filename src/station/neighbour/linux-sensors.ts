// Battery and heat as the Linux kernel tells them (Documentation/ABI/testing/sysfs-class-power and sysfs-class-thermal):
// the command line has no window to ask.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Workstation } from '../../contract/neighbour.ts';

/** A zone is hot from so many degrees below the temperature at which the machine would switch itself off. */
const belowCriticalCelsius = 10;
/** It is cool again only when it has fallen by so much more. */
const hysteresisCelsius = 5;

export type Sensors = Pick<Workstation, 'isOnBattery' | 'isHot'>;

/** @param wasHot what the reading before said. */
export function readLinuxSensors(wasHot: boolean, root = '/sys/class'): Sensors {
  return { isOnBattery: onBattery(root), isHot: isHot(wasHot, root) };
}

function onBattery(root: string): boolean | null {
  const supplies = foldersIn(path.join(root, 'power_supply'), '');
  const batteries = supplies.filter(
    (supply) => word(supply, 'type') === 'Battery' && word(supply, 'scope') !== 'Device',
  );
  if (batteries.length === 0) return supplies.length > 0 ? false : null;
  return batteries.some((battery) => word(battery, 'status') === 'Discharging');
}

function isHot(wasHot: boolean, root: string): boolean | null {
  let isKnown = false;
  for (const zone of foldersIn(path.join(root, 'thermal'), 'thermal_zone')) {
    const milliCelsius = Number(word(zone, 'temp') ?? Number.NaN);
    const limit = limitOf(zone);
    if (!Number.isFinite(milliCelsius) || limit === null) continue;
    isKnown = true;
    if (milliCelsius / 1_000 >= limit - (wasHot ? hysteresisCelsius : 0)) return true;
  }
  return isKnown ? false : null;
}

/** The lowest of the zone's own `hot` point and 10 °C below its critical one; null when it has neither. */
function limitOf(zone: string): number | null {
  const limits: number[] = [];
  for (const name of namesIn(zone)) {
    const trip = /^trip_point_\d+(?=_type$)/.exec(name)?.[0];
    if (trip === undefined) continue;
    const celsius = Number(word(zone, `${trip}_temp`) ?? Number.NaN) / 1_000;
    // Firmware that does not know says 0 or less.
    if (!(celsius > 0)) continue;
    if (word(zone, name) === 'hot') limits.push(celsius);
    if (word(zone, name) === 'critical') limits.push(celsius - belowCriticalCelsius);
  }
  return limits.length > 0 ? Math.min(...limits) : null;
}

function foldersIn(folder: string, prefix: string): string[] {
  return namesIn(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => path.join(folder, name));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function word(folder: string, name: string): string | null {
  try {
    return readFileSync(path.join(folder, name), 'utf8').trim();
  } catch {
    return null;
  }
}
