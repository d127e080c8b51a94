// FailureReason (0008,1197) in words (PS3.3 C.14.1.1, PS3.18 annex I, PS3.4 table B.2-1).

const reasons: Readonly<Record<number, string>> = {
  0x0110: 'the peer could not process it',
  0x0111: 'the peer holds an instance of this UID already',
  0x0112: 'the peer does not know this instance',
  0x0117: 'the peer says that its UID is not valid',
  0x0122: 'the peer does not store this kind of object (SOP class)',
  0x0124: 'the peer does not allow it',
  0x0213: 'the peer is too busy or its storage is full',
  0xa700: 'the storage of the peer is full',
  0xa710: 'the peer cannot store it in this place',
  0xa770: 'the peer could not read one of its attributes',
  0xa900: 'the peer says that it is not of the kind that it claims to be',
  0xc000: 'the peer cannot understand it',
  0xc122: 'the peer does not support its transfer syntax',
  0xc409: 'the peer needs a patient or study identifier that it lacks',
};

/** A sentence without its full stop; `code` null where the peer gave none. */
export function failureReason(code: number | null): string {
  if (code === null) return 'the peer refused it and did not say why';
  const masked = code & 0xff00;
  const kind = masked === 0xa700 || masked === 0xa900 ? masked : (code & 0xf000) === 0xc000 ? 0xc000 : code;
  const words = reasons[code] ?? reasons[kind] ?? 'the peer refused it';
  return `${words} (${code.toString(16).toUpperCase().padStart(4, '0')}H)`;
}
