// The contract's calls of the study browser, answered.
import type { browseCalls } from '../../../contract/browse.ts';
import type { Answers } from '../../../contract/calls.ts';
import type { Browse } from './browse.ts';

export function browseAnswers({
  library: { browse },
}: {
  library: { browse: Browse };
}): Answers<keyof typeof browseCalls> {
  const { searches } = browse;
  return {
    patients: (query) => browse.patients(query),
    distributions: (search) => browse.distributions(search),
    'saved-searches': () => ({
      searches: searches.all().map((search) => ({ ...search, studies: browse.count(search) })),
    }),
    'save-search': (search) => done(searches.save(search)),
    'rename-search': ({ name, newName }) => done(searches.rename(name, newName)),
    'delete-search': ({ name }) => done(searches.delete(name)),
    'study-layout': () => ({ layout: searches.layout() }),
    'keep-study-layout': (layout) => done(searches.keepLayout(layout)),
  };
}

/** The empty answer of a call that only gives an order. */
function done(_order: void): Record<string, never> {
  return {};
}
