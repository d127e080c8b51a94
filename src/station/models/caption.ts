// A line or two of text as pixels, for the strip under a captured picture. ASCII alone: what else a name holds becomes a question
// mark there, and stands in full in the object's header.

/** Characters from space to tilde: five columns each, two hexadecimal digits by column, the top pixel in the lowest bit. */
const glyphs = [
  '000000000000005f00000007000700147f147f14242a7f2a12231308646236495620500000070000',
  '001c2241000041221c002a1c7f1c2a08083e08080050300000080808080800006060002010080402',
  '3e5149453e00427f400042615149462141454b311814127f1027454545393c4a4949300171090503',
  '3649494936064949291e003636000000563600000814224100141414141400412214080201510906',
  '3e415d594e7e1111117e7f494949363e414141227f4141221c7f494949417f090909013e4149497a',
  '7f0808087f00417f41002040413f017f081422417f404040407f020c027f7f0408107f3e4141413e',
  '7f090909063e4151215e7f09192946464949493101017f01013f4040403f1f2040201f3f4038403f',
  '631408146307087008076151494543007f41410002040810200041417f0004020102044040404040',
  '000102040020545454787f484444383844444420384444487f3854545418087e0901020c5252523e',
  '7f0804047800447d40002040443d007f1028440000417f40007c041804787c080404783844444438',
  '7c14141408081414187c7c080404084854545420043f4440203c4040207c1c2040201c3c4030403c',
  '44281028440c5050503c4464544c44000836410000007f000000413608000804081008',
].join('');
const [first, last] = [0x20, 0x7e];
const glyphColumns = 5;
const advance = glyphColumns + 1;
const lineHeight = 10;
const margin = 4;

/** A strip of text, white (255) on black, as wide as asked and as high as its lines need. */
export function captionStrip(lines: readonly string[], width: number): { rows: number; pixels: Uint8Array } {
  const scale = Math.max(1, Math.floor(width / 400));
  const perLine = Math.max(1, Math.floor((width - 2 * margin * scale) / (advance * scale)));
  const wrapped = lines.flatMap((line) => wrap(line, perLine));
  const rows = (wrapped.length * lineHeight + 2 * margin) * scale;
  const pixels = new Uint8Array(rows * width);
  wrapped.forEach((line, number) => {
    Array.from(line).forEach((character, place) => {
      for (let column = 0; column < glyphColumns; column += 1) {
        const bits = columnOf(character, column);
        for (let row = 0; row < 8; row += 1) {
          if ((bits & (1 << row)) === 0) continue;
          const [y, x] = [(margin + number * lineHeight + row) * scale, (margin + place * advance + column) * scale];
          for (let down = 0; down < scale; down += 1)
            pixels.fill(255, (y + down) * width + x, (y + down) * width + x + scale);
        }
      }
    });
  });
  return { rows, pixels };
}

function columnOf(character: string, column: number): number {
  const given = character.codePointAt(0) ?? 0;
  const known = given >= first && given <= last ? given : '?'.charCodeAt(0);
  const at = ((known - first) * glyphColumns + column) * 2;
  return Number.parseInt(glyphs.slice(at, at + 2), 16);
}

/** Between words where there are any. */
function wrap(line: string, perLine: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    const joined = current === '' ? word : `${current} ${word}`;
    if (joined.length <= perLine) {
      current = joined;
      continue;
    }
    if (current !== '') lines.push(current);
    let rest = word;
    for (; rest.length > perLine; rest = rest.slice(perLine)) lines.push(rest.slice(0, perLine));
    current = rest;
  }
  return [...lines, current];
}
