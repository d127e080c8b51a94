import { describe, expect, it } from 'vitest';
import { textDecoder } from '../../../../src/station/library/character-set.ts';

/** Bytes of text that writes escapes and high bytes as Latin-1 characters, as PS3.5 annexes H, I and K print them. */
const bytes = (latin1: string): Uint8Array => Buffer.from(latin1, 'latin1');

describe('textDecoder', () => {
  // Examples of PS3.5 annexes H to K.
  it.each([
    [
      'H.3.1',
      '\\ISO 2022 IR 87',
      'Yamada^Tarou=\u001b$B;3ED\u001b(B^\u001b$BB@O:\u001b(B=\u001b$B$d$^$@\u001b(B^\u001b$B$?$m$&\u001b(B',
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
    ],
    [
      'H.3.2',
      'ISO 2022 IR 13\\ISO 2022 IR 87',
      'ÔÏÀÞ^ÀÛ³=\u001b$B;3ED\u001b(J^\u001b$BB@O:\u001b(J=\u001b$B$d$^$@\u001b(J^\u001b$B$?$m$&\u001b(J',
      'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    ],
    [
      'I.2',
      '\\ISO 2022 IR 149',
      'Hong^Gildong=\u001b$)Cûó^\u001b$)CÑÎÔ×=\u001b$)CÈ«^\u001b$)C±æµ¿',
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    [
      'J.3 (UTF-8)',
      'ISO_IR 192',
      'Wang^XiaoDong=\u00e7\u008e\u008b^\u00e5\u00b0\u008f\u00e6\u009d\u00b1=',
      'Wang^XiaoDong=王^小東=',
    ],
    ['K.2', '\\ISO 2022 IR 58', 'Zhang^XiaoDong=\u001b$)AÕÅ^\u001b$)AÐ¡¶«=', 'Zhang^XiaoDong=张^小东='],
    ['GB18030', 'GB18030', 'Wang^XiaoDong=Íõ^Ð¡¶«=', 'Wang^XiaoDong=王^小东='],
    ['Cyrillic', 'ISO_IR 144', '»îÚï', 'Люкя'],
    ['Latin-1', 'ISO_IR 100', 'Buc^Jérôme', 'Buc^Jérôme'],
    ['Greek after Latin-1', 'ISO 2022 IR 100\\ISO 2022 IR 126', 'Jérôme=\u001b-FÄéïíõóéïò', 'Jérôme=Διονυσιος'],
  ])('decodes a name as in %s', (_, terms, encoded, text) => {
    expect(textDecoder(terms.split('\\'))(bytes(encoded), true)).toBe(text);
  });

  it('returns to the first set at every delimiter of a name, but keeps it across ^ in other text', () => {
    const decode = textDecoder(['ISO 2022 IR 100', 'ISO 2022 IR 126']);
    expect(decode(bytes('\u001b-Fá^é'), true)).toBe('α^é');
    expect(decode(bytes('\u001b-Fá^é'), false)).toBe('α^ι');
    expect(decode(bytes('\u001b-Fá\\é'), false)).toBe('α\\é');
  });

  it('reads misspelt terms, and text without any as UTF-8 where it is, else as Latin-1', () => {
    expect(textDecoder(['ISO-IR 192'])(Buffer.from('Jérôme'), true)).toBe('Jérôme');
    expect(textDecoder([])(Buffer.from('Jérôme'), true)).toBe('Jérôme');
    expect(textDecoder(['nonsense'])(bytes('Jérôme'), true)).toBe('Jérôme');
  });

  it('ends on broken escapes and half characters', () => {
    const decode = textDecoder(['', 'ISO 2022 IR 87']);
    for (const broken of ['\u001b', '\u001b$', '\u001b$B;', 'a\u001b$B;3E', '\u001bxyz']) {
      expect(typeof decode(bytes(broken), true)).toBe('string');
    }
  });
});
