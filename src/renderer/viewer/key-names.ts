// Keys as they are written on a keyboard.
const names: Readonly<Record<string, string>> = {
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
  PageDown: 'Page ↓',
  PageUp: 'Page ↑',
  Delete: 'Del',
  ' ': 'Space',
};

/** A letter in capitals is pressed with Shift. */
export function keyName(key: string): string {
  if (/^[A-Z]$/.test(key)) return `Shift ${key}`;
  return names[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

/** What the viewer's tables call a pressed key: the same letter whether Caps Lock is on or off. */
export function keyOf({ key, shiftKey }: KeyboardEvent): string {
  if (!/^[a-z]$/i.test(key)) return key;
  return shiftKey ? key.toUpperCase() : key.toLowerCase();
}
