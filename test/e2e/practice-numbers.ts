// How many studies the practice import of the first-run screen brings: it is the first practice hospital's.
import { practiceSites } from '../../src/station/practice/practice-studies.ts';

export const lyonPatients = Object.values(practiceSites[0]?.patients ?? {}).reduce((sum, count) => sum + count, 0);
