// What the form of a new project asks for: a field, a group of them, and when one is offered.
import { type Draft, valueAt } from './draft-path.ts';

interface Common {
  readonly path: string;
  readonly label: string;
  readonly help: string;
  /** Offered only when this holds. */
  readonly when?: (draft: Draft) => boolean;
}

export type DraftField = Common &
  (
    | {
        readonly kind: 'number';
        readonly unit?: string;
        /** Of what is written there: minutes of milliseconds. */
        readonly per?: number;
      }
    | {
        readonly kind: 'choice';
        readonly choices: readonly { readonly value: string; readonly label: string }[];
        /** A choice among shapes: what the object around it becomes. */
        readonly shapes?: Readonly<Record<string, object>>;
      }
    | {
        readonly kind: 'switch';
        /** What stands there when it is on; `true` where nothing is said. Off is null then, else `false`. */
        readonly on?: unknown;
      }
  );

export interface DraftGroup {
  readonly title: string;
  readonly about: string;
  readonly fields: readonly DraftField[];
  /** Seldom changed: folded at first. */
  readonly more?: readonly DraftField[];
}

/** Offered where the draft has one of these values there. */
export const is =
  (path: string, ...values: readonly unknown[]) =>
  (draft: Draft): boolean =>
    values.includes(valueAt(draft, path) ?? undefined);
/** Offered where the draft has anything there. */
export const isSet =
  (path: string) =>
  (draft: Draft): boolean =>
    valueAt(draft, path) != null;
/** Offered where the hub keeps a trunk. */
export const hasTrunk = (draft: Draft): boolean => (valueAt(draft, 'mode.kind') ?? 'trunk') === 'trunk';
