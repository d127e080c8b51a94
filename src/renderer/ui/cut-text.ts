// Text that a narrow place cuts is told whole where the pointer rests on it.

/** Of a title that stands here because the text is cut, not because a component gave it. */
const mark = 'cut';

/** For the window's `pointerover`. A title that a component gave stays. */
export function tellCutText({ target }: PointerEvent): void {
  const element = target instanceof Element ? target.closest<HTMLElement>('.ellipsis') : null;
  if (element === null || (element.title !== '' && !(mark in element.dataset))) return;
  if (element.scrollWidth > element.clientWidth) {
    element.title = element.textContent.trim().replaceAll(/\s+/g, ' ');
    element.dataset[mark] = '';
  } else if (mark in element.dataset) {
    element.removeAttribute('title');
    delete element.dataset[mark];
  }
}
