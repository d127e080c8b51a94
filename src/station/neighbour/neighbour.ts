// Keeps training a good neighbour: holds the trainers while the rules say so, lets them rest while somebody looks at images.
// A hold ends by itself; a person's pause is another thing.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Neighbour, type TrainingRules, trainingRulesSchema, type Workstation } from '../../contract/neighbour.ts';
import type { TrainerProcess } from '../../trainer/client.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import { readLinuxSensors, type Sensors } from './linux-sensors.ts';
import { reasonToWait, unkeptRules } from './reason-to-wait.ts';
import { type WorkRules, workRules } from './work-rules.ts';

/** Sensors are read and the clock is looked at this often. */
const lookEveryMs = 5_000;
/** What the shell told counts for so long; a window that closed tells no more. */
const toldForMs = 30_000;
/** A rest after each look at images, and how often it is told at most. */
const restMs = 2_000;
const restEveryMs = 500;

export interface NeighbourWatch {
  /** The rules, what is known, and what follows. */
  now(): Neighbour;
  /** Writes the rules down and keeps them from now on. */
  change(rules: { readonly [K in keyof TrainingRules]?: TrainingRules[K] | undefined }): Neighbour;
  /** The shell's news of the workstation. */
  hear(workstation: Workstation): void;
  /** The rules for work that this process does itself. */
  readonly work: WorkRules;
  /** Somebody looks at images: trainers rest for a moment. */
  viewerWorks(): void;
  close(): void;
}

export interface NeighbourParts {
  readonly folder: string;
  readonly trainers: readonly Pick<TrainerProcess, 'hold' | 'rest' | 'pace'>[];
  /** CPU threads where the rules name no number. */
  readonly threads: number;
  readonly onChange: (neighbour: Neighbour) => void;
  /** Given in tests. */
  readonly clock?: () => Date;
  readonly readSensors?: (wasHot: boolean) => Sensors;
}

/** Watches until closed. A damaged file of rules counts as none: the rules are then the defaults, which are the careful ones. */
export function watchNeighbour({
  folder,
  trainers,
  threads,
  onChange,
  clock = () => new Date(),
  readSensors = process.platform === 'linux' ? readLinuxSensors : () => ({ isOnBattery: null, isHot: null }),
}: NeighbourParts): NeighbourWatch {
  const file = path.join(folder, 'training-rules.json');
  let rules = readRules(file);
  let told: { readonly workstation: Workstation; readonly at: number } | null = null;
  let sensors: Sensors = { isOnBattery: null, isHot: null };
  let lastTold = '';
  let restedAt = Number.NEGATIVE_INFINITY;

  const workstation = (): Workstation => {
    const isFresh = told !== null && clock().getTime() - told.at < toldForMs;
    const shell = isFresh ? told!.workstation : { idleSeconds: null, isOnBattery: null, isHot: null };
    return {
      idleSeconds: shell.idleSeconds,
      isOnBattery: shell.isOnBattery ?? sensors.isOnBattery,
      isHot: shell.isHot ?? sensors.isHot,
    };
  };
  const now = (): Neighbour => {
    const known = workstation();
    return {
      rules,
      workstation: known,
      waitsFor: reasonToWait(rules, known, clock()),
      unkept: unkeptRules(rules, known),
    };
  };
  const apply = (): Neighbour => {
    const neighbour = now();
    for (const trainer of trainers) {
      trainer.hold(neighbour.waitsFor);
      trainer.pace(1 - rules.computeShare);
    }
    // The seconds without input change all the time and are news to nobody.
    const news = JSON.stringify([neighbour.rules, neighbour.waitsFor, neighbour.unkept]);
    if (news !== lastTold) {
      lastTold = news;
      onChange(neighbour);
    }
    return neighbour;
  };
  const look = (): void => {
    sensors = readSensors(sensors.isHot === true);
    apply();
  };

  look();
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  const isLookedAt = (): boolean => clock().getTime() - restedAt < restMs;
  const work = workRules({
    threads: () => rules.threads ?? threads,
    computeShare: () => rules.computeShare,
    waitsFor: () => now().waitsFor ?? (isLookedAt() ? 'somebody looks at images' : null),
  });
  return {
    now,
    work,
    change(given) {
      const next = trainingRulesSchema.parse({ ...rules, ...given });
      writeFileDurably(file, `${JSON.stringify(next, null, 2)}\n`);
      rules = next;
      return apply();
    },
    hear(news) {
      told = { workstation: news, at: clock().getTime() };
      apply();
    },
    viewerWorks() {
      const at = clock().getTime();
      if (!rules.yieldToViewer || at - restedAt < restEveryMs) return;
      restedAt = at;
      for (const trainer of trainers) trainer.rest(restMs);
    },
    close: () => clearInterval(timer),
  };
}

function readRules(file: string): TrainingRules {
  try {
    if (existsSync(file)) return trainingRulesSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    console.error('station: training-rules.json is damaged; training keeps the default rules');
  }
  return trainingRulesSchema.parse({});
}
