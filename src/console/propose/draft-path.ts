// A draft is a project's JSON as it is being written. Its fields are reached by their paths, `trunkRule.bufferSize`, as the hub names them.

export type Draft = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Draft =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined where there is nothing. */
export function valueAt(draft: Draft, path: string): unknown {
  let value: unknown = draft;
  for (const name of path.split('.')) value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

/** The draft with another value there; undefined leaves the field out. */
export function withValueAt(draft: Draft, path: string, value: unknown): Draft {
  const [name = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    const { [name]: _before, ...others } = draft;
    return value === undefined ? others : { ...draft, [name]: value };
  }
  const inside = draft[name];
  return { ...draft, [name]: withValueAt(isRecord(inside) ? inside : {}, rest.join('.'), value) };
}
