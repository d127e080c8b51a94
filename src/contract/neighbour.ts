// When training may use a workstation that people also work at, and what is known of the workstation just now.
import { z } from 'zod';

/** As `Date.getDay()` counts them. */
export const weekDays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type WeekDay = (typeof weekDays)[number];

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 20:00');

/** The longest wait for a workstation without input. */
export const mostIdleMinutes = 600;
/** The most CPU threads of a step that may be asked for. */
export const mostThreads = 64;

const rules = {
  /** Trains only when nobody has touched the workstation for so many minutes; 0 does not mind. */
  idleMinutes: z.number().int().min(0).max(mostIdleMinutes),
  /** Trains only between these local times; `to` before `from` is over midnight, and the days are those of `from`. */
  hours: z.object({ from: timeOfDay, to: timeOfDay, days: z.array(z.enum(weekDays)).min(1).max(7) }).nullable(),
  onBattery: z.enum(['pause', 'train']),
  whenHot: z.enum(['pause', 'train']),
  /** Largest share of the time in which training computes; it rests for the remainder. */
  computeShare: z.number().min(0.05).max(1),
  /** CPU threads of a step; null is half of the cores. */
  threads: z.number().int().min(1).max(mostThreads).nullable(),
  /** Rests while images are being looked at. */
  yieldToViewer: z.boolean(),
};

export const trainingRulesSchema = z.object({
  idleMinutes: rules.idleMinutes.default(0),
  hours: rules.hours.default(null),
  onBattery: rules.onBattery.default('pause'),
  whenHot: rules.whenHot.default('pause'),
  computeShare: rules.computeShare.default(1),
  threads: rules.threads.default(null),
  yieldToViewer: rules.yieldToViewer.default(true),
});
export type TrainingRules = z.infer<typeof trainingRulesSchema>;

/** What is known of the workstation; null where nobody can tell. */
export const workstationSchema = z.object({
  /** Since the last key or mouse movement. */
  idleSeconds: z.number().min(0).nullable(),
  isOnBattery: z.boolean().nullable(),
  isHot: z.boolean().nullable(),
});
export type Workstation = z.infer<typeof workstationSchema>;

export const neighbourSchema = z.object({
  rules: trainingRulesSchema,
  workstation: workstationSchema,
  /** Why training waits at this moment; null when it may go on. */
  waitsFor: z.string().nullable(),
  /** Rules that cannot be kept here, each with its reason. */
  unkept: z.array(z.string()),
});
export type Neighbour = z.infer<typeof neighbourSchema>;

export const neighbourCalls = {
  'training-rules': { in: z.object({}), out: neighbourSchema },
  /** What is left out stays (so no defaults here: they would be filled in). */
  'change-training-rules': { in: z.object(rules).partial(), out: neighbourSchema },
  /** The shell tells what the operating system says. */
  workstation: { in: workstationSchema, out: z.object({}) },
  /** Somebody scrolls, draws or turns images: training rests for a moment. */
  'viewer-works': { in: z.object({}), out: z.object({}) },
} as const;

export const neighbourEvents = { 'training-rules-changed': neighbourSchema } as const;
