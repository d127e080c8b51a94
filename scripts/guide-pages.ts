// The pages of docs/ as the window's guide: Markdown becomes HTML when the window is built, so that the window carries no
// reader of Markdown and shows no text but ours.
import path from 'node:path';
import { Marked } from 'marked';
import type { Plugin } from 'vite';

/** A Vite plugin: importing `docs/NAME.md` gives a `GuidePage` (src/renderer/guide/guide-page.ts). */
export function guidePages(): Plugin {
  return {
    name: 'guide-pages',
    transform(text, id) {
      const file = id.replace(/\?.*$/, '');
      if (!file.endsWith('.md')) return null;
      const page = { name: path.basename(file, '.md'), ...guidePage(text) };
      return { code: `export default ${JSON.stringify(page)};`, map: null };
    },
  };
}

/** Title, HTML with an `id` at each heading, and the headings of the second level. */
export function guidePage(markdown: string): {
  title: string;
  html: string;
  sections: { id: string; title: string }[];
} {
  let title = '';
  const sections: { id: string; title: string }[] = [];
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const words = text.replaceAll(/[`*]/g, '');
        const id = anchorOf(words);
        if (depth === 1) title = words;
        else if (depth === 2) sections.push({ id, title: words });
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      table(token) {
        const row = (cells: typeof token.header): string =>
          `<tr>${cells.map((cell) => this.tablecell(cell)).join('')}</tr>`;
        // A head without a word in it is Markdown's way to have none.
        const head = token.header.some(({ text }) => text !== '') ? `<thead>${row(token.header)}</thead>` : '';
        return `<div class="table"><table>${head}<tbody>${token.rows.map(row).join('')}</tbody></table></div>\n`;
      },
    },
  });
  const html = marked.parse(markdown, { async: false });
  return { title, html, sections };
}

/** As the places that show Markdown make them: links between our pages use them. */
function anchorOf(words: string): string {
  return words
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
    .replaceAll(/\s/g, '-');
}
