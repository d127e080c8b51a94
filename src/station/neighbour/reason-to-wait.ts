// Whether training may go on at this moment, by the rules and by what is known of the workstation.
import { type TrainingRules, weekDays, type Workstation } from '../../contract/neighbour.ts';

/** Why training has to wait, for a person; null when it may go on. What nobody can tell holds nothing back. */
export function reasonToWait(rules: TrainingRules, workstation: Workstation, now: Date): string | null {
  if (rules.hours !== null && !isWithin(rules.hours, now)) {
    return `it is outside the hours for training (${hoursText(rules.hours)})`;
  }
  if (rules.onBattery === 'pause' && workstation.isOnBattery === true) return 'the workstation runs on battery';
  if (rules.whenHot === 'pause' && workstation.isHot === true) return 'the workstation is too hot';
  const { idleSeconds } = workstation;
  if (idleSeconds !== null && idleSeconds < rules.idleMinutes * 60) {
    return `the workstation is in use (goes on after ${rules.idleMinutes} min without input)`;
  }
  return null;
}

/** Rules that cannot be kept since nobody can tell what they ask about. */
export function unkeptRules(rules: TrainingRules, workstation: Workstation): string[] {
  const isDeaf = rules.idleMinutes > 0 && workstation.idleSeconds === null;
  return isDeaf
    ? [
        'Whether somebody uses the workstation is known only while the ImagiQ window is open: training does not wait for that.',
      ]
    : [];
}

function isWithin({ from, to, days }: NonNullable<TrainingRules['hours']>, now: Date): boolean {
  const minute = now.getHours() * 60 + now.getMinutes();
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const isDay = (daysAgo: number): boolean => days.includes(weekDays[(now.getDay() + 7 - daysAgo) % 7]!);
  if (begin < end) return isDay(0) && minute >= begin && minute < end;
  // Over midnight, or around the clock when both are the same: it may have begun today or yesterday.
  return (isDay(0) && minute >= begin) || (isDay(1) && minute < end);
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function hoursText({ from, to, days }: NonNullable<TrainingRules['hours']>): string {
  const monday = [...weekDays.slice(1), weekDays[0]];
  const names = monday.filter((day) => days.includes(day)).map((day) => day[0]!.toUpperCase() + day.slice(1));
  return `${from}–${to}${names.length === weekDays.length ? '' : ` on ${names.join(', ')}`}`;
}
