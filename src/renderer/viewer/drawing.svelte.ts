// A measurement while it is drawn or changed in one viewport: by press, drag, release, or by click, move, click.
import type { Measurement } from '../../contract/annotation.ts';
import { type Grip, type MeasurementKind, moved, type Point, spanned, withPoint } from './shapes.ts';

interface Draft {
  readonly kind: MeasurementKind;
  readonly points: readonly Point[];
  /** The saved measurement that is being changed; null for a new one. */
  readonly of: Measurement | null;
}

type Phase = 'idle' | 'spanning' | 'second-arm' | 'point' | 'whole';

export class Drawing {
  #draft = $state.raw<Draft | null>(null);
  #phase: Phase = 'idle';
  #from: Point = [0, 0];
  #point = 0;

  get draft(): Draft | null {
    return this.#draft;
  }

  /** Presses the button with a tool. Returns the finished shape where this press ends one. */
  press(kind: MeasurementKind, at: Point): Draft | null {
    if (this.#phase === 'second-arm' || this.#phase === 'spanning') {
      this.move(at);
      return this.#phase === 'spanning' && this.#draft?.kind === 'angle' ? this.#toSecondArm(at) : this.#finish();
    }
    this.#from = at;
    this.#draft = { kind, points: spanned(kind, at, at), of: null };
    this.#phase = 'spanning';
    return null;
  }

  /** Takes a saved measurement by a point or as a whole. */
  take(of: Measurement, grip: Grip, at: Point): void {
    this.#from = at;
    this.#point = grip.point ?? 0;
    this.#phase = grip.point === null ? 'whole' : 'point';
    this.#draft = { kind: of.kind, points: of.points, of };
  }

  move(at: Point): void {
    const draft = this.#draft;
    if (!draft) return;
    this.#draft = { ...draft, points: this.#pointsAt(draft, at) };
  }

  /** Releases the button; `isClick` when it hardly moved. Returns the finished shape, null while more is to come. */
  release(at: Point, isClick: boolean): Draft | null {
    if (!this.#draft) return null;
    if (this.#phase === 'point' || this.#phase === 'whole') {
      if (isClick) {
        this.cancel();
        return null;
      }
      this.move(at);
      return this.#finish();
    }
    if (this.#phase !== 'spanning' || (isClick && this.#draft.kind !== 'probe')) return null;
    this.move(at);
    return this.#draft.kind === 'angle' ? this.#toSecondArm(at) : this.#finish();
  }

  cancel(): void {
    this.#draft = null;
    this.#phase = 'idle';
  }

  #pointsAt({ kind, points, of }: Draft, at: Point): readonly Point[] {
    switch (this.#phase) {
      case 'spanning':
        return spanned(kind, this.#from, at);
      case 'second-arm':
        return [...points.slice(0, 2), at];
      case 'point':
        return withPoint(kind, of?.points ?? points, this.#point, at);
      case 'whole':
        return moved(of?.points ?? points, [at[0] - this.#from[0], at[1] - this.#from[1]]);
      case 'idle':
        return points;
    }
  }

  #toSecondArm(at: Point): null {
    if (this.#draft) this.#draft = { ...this.#draft, points: [...this.#draft.points, at] };
    this.#phase = 'second-arm';
    return null;
  }

  #finish(): Draft | null {
    const finished = this.#draft;
    this.cancel();
    return finished;
  }
}
