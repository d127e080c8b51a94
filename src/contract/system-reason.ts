// What the system's codes mean, for a person: of the file system, where the path itself must not be told, too, and of servers.

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

const listenReasons: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (_, port) => `port ${port} is taken by another program`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine`,
  ENOTFOUND: (host) => `the name ${host} leads to no address`,
  EAI_AGAIN: (host) => `the name ${host} cannot be looked up now`,
  EAFNOSUPPORT: (host) => `this machine has no addresses of the kind of ${host}`,
  EACCES: (_, port) => `this account may not listen on port ${port}`,
  EPERM: (_, port) => `this account may not listen on port ${port}`,
};

/** Why the system lets no server listen, as a sentence without its begin and end. */
export const listenReason = (code: string, host: string, port: number): string =>
  listenReasons[code]?.(host, port) ?? `the system reports ${code}`;

const connectReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody answers at its address',
  ECONNRESET: 'the line was cut',
  ETIMEDOUT: 'its address does not answer',
  EHOSTUNREACH: 'no way leads to its address',
  ENETUNREACH: 'no way leads to its address',
  ENOTFOUND: 'the name of its address is not known here',
  EAI_AGAIN: 'the name of its address cannot be looked up now',
};

/** Why a connection could not be made, where `reason` is the system's code; any other reason as it is. */
export const connectReason = (reason: string): string => connectReasons[reason] ?? reason;

/** Why the file system refused, as the rest of a sentence about “it”. */
export const systemReason = (code: unknown): string =>
  typeof code === 'string' ? (reasons[code] ?? `the system reports ${code}`) : 'it cannot be opened';
