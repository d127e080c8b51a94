// An end of an earlier version: it names fewer features of the wire. Only in processes of their own.
export function speakAs(features: readonly string[], named: readonly string[]): void {
  (named as string[]).splice(0, named.length, ...features);
}
