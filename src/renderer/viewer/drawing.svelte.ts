// A measurement while it is drawn or changed in one viewport: by press, drag, release, or by click, move, click. A free-hand outline
// is traced by a drag, or its corners are clicked.
import { type Measurement, pointsLimit } from '../../contract/annotation.ts';
import { type Grip, type MeasurementKind, moved, type Point, spanned, withPoint } from './shapes.ts';

interface Draft {
  readonly kind: MeasurementKind;
  readonly points: readonly Point[];
  /** The saved measurement that is being changed; null for a new one. */
  readonly of: Measurement | null;
}

type Phase = 'idle' | 'spanning' | 'second-arm' | 'tracing' | 'corners' | 'point' | 'whole';

export class Drawing {
  #draft = $state.raw<Draft | null>(null);
  #phase: Phase = 'idle';
  #from: Point = [0, 0];
  #point = 0;

  get draft(): Draft | null {
    return this.#draft;
  }

  get isTracing(): boolean {
    return this.#phase === 'tracing';
  }

  /** The corners of an outline that were clicked; none of another shape. */
  get corners(): readonly Point[] {
    return this.#phase === 'corners' ? (this.#draft?.points.slice(0, -1) ?? []) : [];
  }

  /** Presses the button with a tool; `isEnd` where that closes an outline. Returns the finished shape where this press ends one. */
  press(kind: MeasurementKind, at: Point, isEnd = false): Draft | null {
    if (this.#phase === 'corners' && this.#draft) {
      this.#draft = { ...this.#draft, points: isEnd ? this.corners : [...this.corners, at, at] };
      return isEnd ? this.#finish() : null;
    }
    if (this.#phase === 'second-arm' || this.#phase === 'spanning') {
      this.move(at);
      return this.#phase === 'spanning' && this.#draft?.kind === 'angle' ? this.#toSecondArm(at) : this.#finish();
    }
    this.#from = at;
    this.#draft = { kind, points: spanned(kind, at, at), of: null };
    this.#phase = kind === 'freehand' ? 'tracing' : 'spanning';
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
    if (this.#phase === 'tracing') {
      // An outline that is traced whole ends where it began.
      if (!isClick || this.#draft.points.length > 3) return this.#finish();
      this.#draft = { ...this.#draft, points: [this.#from, this.#from] };
      this.#phase = 'corners';
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
      case 'tracing':
        return points.length < pointsLimit ? [...points, at] : points;
      case 'corners':
        return [...this.corners, at];
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
    return finished && isShape(finished) ? finished : null;
  }
}

/** Something that was begun and ended at one place is none. */
function isShape({ kind, points }: Draft): boolean {
  const [first] = points;
  if (kind === 'probe' || !first) return points.length > 0;
  const isWide = points.some(([x, y]) => Math.hypot(x - first[0], y - first[1]) > 0.01);
  return isWide && (kind !== 'freehand' || points.length >= 3);
}
