// What the operating system says of the workstation, told to the station: it decides whether training waits.
import { powerMonitor } from 'electron';
import type { Workstation } from '../contract/neighbour.ts';

const tellEveryMs = 5_000;

/** Tells at once, every 5 s and whenever power or heat change, until the process ends. To be called when the app is ready. */
export function watchWorkstation(tell: (workstation: Workstation) => void): void {
  const look = (): void => tell(workstationNow());
  look();
  setInterval(look, tellEveryMs).unref();
  powerMonitor.on('on-battery', look);
  powerMonitor.on('on-ac', look);
  if (process.platform === 'darwin') powerMonitor.on('thermal-state-change', look);
}

function workstationNow(): Workstation {
  return {
    idleSeconds: powerMonitor.getSystemIdleTime(),
    isOnBattery: powerMonitor.isOnBatteryPower(),
    // Elsewhere Electron does not know; on Linux the station reads the sensors.
    isHot:
      process.platform === 'darwin' ? ['serious', 'critical'].includes(powerMonitor.getCurrentThermalState()) : null,
  };
}
