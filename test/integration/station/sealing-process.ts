// Turns sealing on or off in a home folder and dies where it is told. The seal holds the key itself: what is looked at is the files.
import { dieAt, type Death } from '../sync/faults/die-at.ts';

const { home, keyFolder, isOn, key, death } = JSON.parse(process.argv[2] ?? '{}') as {
  home: string;
  keyFolder: string;
  isOn: boolean;
  key: string;
  death: Death;
};
dieAt(death);
const { openSystemSeal } = await import('../../../src/station/home/system-seal.ts');
const sealingKey = Buffer.from(key, 'hex');
const seal = openSystemSeal(home, keyFolder, { sealingKey: isOn ? null : sealingKey, fault: null });
seal.change(isOn ? { key: sealingKey, sealedKey: sealingKey } : null);
