// Where the keyboard goes when what had the focus is gone: without it no key reaches anything but the window.

/** Gives the focus to what had it `before`, else to the rows that the screen shows; not where something has it. */
export function regainFocus(before: Element | null = null): void {
  if (document.activeElement !== null && document.activeElement !== document.body) return;
  const wasSomewhere = before !== null && before.isConnected && before !== document.body;
  const target = wasSomewhere ? before : document.querySelector('main [data-rows]');
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
}
