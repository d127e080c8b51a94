// What the file system's codes mean, for a person. Used where the path itself must not be told, too.

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'something of its name is there already',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the drive is read-only',
  ELOOP: 'its links lead in a circle',
  EIO: 'the disk reports an error',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EBUSY: 'another program uses it',
  ETXTBSY: 'another program uses it',
  ENODEV: 'its drive is gone',
  ENXIO: 'its drive is gone',
  ENOMEDIUM: 'there is no disc in the drive',
  ESTALE: 'the network folder that it lies in is gone',
  EHOSTDOWN: 'the computer that it lies on does not answer',
  ETIMEDOUT: 'the drive that it lies on does not answer',
};

/** Why the file system refused, as the rest of a sentence about “it”. */
export const systemReason = (code: unknown): string =>
  typeof code === 'string' ? (reasons[code] ?? `the system reports ${code}`) : 'it cannot be opened';
