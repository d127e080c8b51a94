// Who may use the console. A one-time link, made on the hub's machine, is the way in; a coordinator may set a passphrase then. Codes and
// session tokens are 256 random bits and kept as hashes only; the passphrase by scrypt.
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { type ConsoleRole, consoleRoles } from '../../../contract/console.ts';
import { hubFault } from '../faults.ts';
import { type HubDatabase, openHubDatabase, readSetting, writeSetting } from '../hub-database.ts';
import { type EnterAct, openHubLedger } from '../hub-ledger.ts';

export const consoleLimits = {
  /** How long a one-time link is good. */
  linkMs: 15 * 60 * 1_000,
  sessionMs: 12 * 60 * 60 * 1_000,
  /** Failed attempts to sign in within `attemptWindowMs`, of everybody together: behind a proxy all come from one address. */
  attempts: 10,
  attemptWindowMs: 60_000,
  /** scrypt's cost: 32 MiB for each attempt (OWASP's figures of 2023 for r = 8, p = 1 begin at 2^15 with p = 3). */
  scryptCost: 2 ** 15,
  scryptParallel: 3,
} as const;

const passphraseSetting = 'consolePassphrase';
const saltBytes = 16;
const keyBytes = 32;

export interface ConsoleSession {
  readonly role: ConsoleRole;
  readonly expiresAt: string;
}

export interface SignIn {
  /** @returns the new session's token. @throws Fault 530 for a wrong code, 532 after too many attempts. */
  byLink(code: string): Promise<string>;
  /** @throws Fault 530 for a wrong passphrase, 532 after too many attempts. */
  byPassphrase(passphrase: string): Promise<string>;
  hasPassphrase(): Promise<boolean>;
  /** Ends every other session: they may be of somebody who knew the old one. */
  setPassphrase(passphrase: string, ownToken: string): Promise<void>;
  /** Null for a token that is unknown or whose time is over. */
  sessionOf(token: string): Promise<ConsoleSession | null>;
  end(token: string): Promise<void>;
}

export function openSignIn(db: HubDatabase, enter: EnterAct, clock: () => number): SignIn {
  let attempts: number[] = [];
  const countAttempt = (): void => {
    const now = clock();
    attempts = attempts.filter((at) => now - at < consoleLimits.attemptWindowMs);
    if (attempts.length >= consoleLimits.attempts) throw hubFault.tooManySignIns();
    attempts.push(now);
  };
  const now = (): string => new Date(clock()).toISOString();
  const newSession = async (role: ConsoleRole, by: string): Promise<string> => {
    const token = randomBytes(32).toString('base64url');
    const expiresAt = new Date(clock() + consoleLimits.sessionMs).toISOString();
    await db.transaction(async (tx) => {
      await tx.run('DELETE FROM consoleSessions WHERE expiresAt <= ?', now());
      await tx.run('INSERT INTO consoleSessions VALUES (?, ?, ?)', hashOf(token), role, expiresAt);
      await enter(tx, 'console-signed-in', { role, by });
    });
    attempts = [];
    return token;
  };
  const refused = async (by: string): Promise<Error> => {
    await db.transaction((tx) => enter(tx, 'console-sign-in-refused', { by }));
    return hubFault.signInRefused();
  };

  return {
    async byLink(code) {
      // Taken out as it is used: of two that come at once, one gets in.
      const role = await db.transaction(async (tx) => {
        const link = await tx.get<{ role: string; expiresAt: string }>(
          'SELECT role, expiresAt FROM consoleLinks WHERE codeHash = ?',
          hashOf(code),
        );
        await tx.run('DELETE FROM consoleLinks WHERE codeHash = ? OR expiresAt <= ?', hashOf(code), now());
        return link !== undefined && link.expiresAt > now() ? consoleRoles.find((name) => name === link.role) : null;
      });
      // Nobody guesses a code: a right one opens also while others try passphrases. Wrong ones must not fill the ledger.
      if (!role) {
        countAttempt();
        throw await refused('link');
      }
      return newSession(role, 'link');
    },
    async byPassphrase(passphrase) {
      countAttempt();
      const stored = await readSetting(db, passphraseSetting);
      if (stored === null || !(await isPassphrase(passphrase, stored))) throw await refused('passphrase');
      return newSession('coordinator', 'passphrase');
    },
    hasPassphrase: async () => (await readSetting(db, passphraseSetting)) !== null,
    async setPassphrase(passphrase, ownToken) {
      const stored = await storedPassphrase(passphrase);
      await db.transaction(async (tx) => {
        await writeSetting(tx, passphraseSetting, stored);
        await tx.run('DELETE FROM consoleSessions WHERE tokenHash <> ?', hashOf(ownToken));
        await enter(tx, 'console-passphrase-set', {});
      });
    },
    async sessionOf(token) {
      const row = await db.get<{ role: string; expiresAt: string }>(
        'SELECT role, expiresAt FROM consoleSessions WHERE tokenHash = ?',
        hashOf(token),
      );
      const role = consoleRoles.find((name) => name === row?.role);
      return row === undefined || role === undefined || row.expiresAt <= now()
        ? null
        : { role, expiresAt: row.expiresAt };
    },
    end: (token) =>
      db.transaction(async (tx) => {
        const ended = await tx.run('DELETE FROM consoleSessions WHERE tokenHash = ?', hashOf(token));
        if (ended > 0) await enter(tx, 'console-signed-out', {});
      }),
  };
}

/** A one-time link into the console, from a second process, while the hub runs or not. @throws Fault 522 or 543 where there is none. */
export async function consoleLinkIn(
  place: string,
  role: ConsoleRole,
): Promise<{ readonly link: string; readonly expiresAt: string }> {
  const db = await openHubDatabase(place, { mustExist: true });
  try {
    const url = (await readSetting(db, 'url'))!;
    const code = randomBytes(32).toString('base64url');
    const expiresAt = new Date(Date.now() + consoleLimits.linkMs).toISOString();
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO consoleLinks VALUES (?, ?, ?)', hashOf(code), role, expiresAt);
      await openHubLedger(db, null, Date.now).enter(tx, 'console-link-made', { role, expiresAt });
    });
    // Behind the #, which browsers keep to themselves: no proxy's log learns it.
    return { link: `${url.replace(/^ws/, 'http').replace(/\/$/, '')}/console/#code=${code}`, expiresAt };
  } finally {
    await db.close();
  }
}

const hashOf = (secret: string): string => createHash('sha256').update(`imagiq console\n${secret}`).digest('hex');

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);

function keyOf(passphrase: string, salt: Buffer, cost: number, parallel: number): Promise<Buffer> {
  return derive(passphrase.normalize('NFKC'), salt, keyBytes, { N: cost, r: 8, p: parallel, maxmem: 256 * cost * 8 });
}

/** `scrypt$N$p$salt$key`, the two last in base64url. */
async function storedPassphrase(passphrase: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const { scryptCost, scryptParallel } = consoleLimits;
  const key = await keyOf(passphrase, salt, scryptCost, scryptParallel);
  return ['scrypt', scryptCost, scryptParallel, salt.toString('base64url'), key.toString('base64url')].join('$');
}

async function isPassphrase(passphrase: string, stored: string): Promise<boolean> {
  const [, cost = '', parallel = '', salt = '', key = ''] = stored.split('$');
  const wanted = Buffer.from(key, 'base64url');
  const given = await keyOf(passphrase, Buffer.from(salt, 'base64url'), Number(cost), Number(parallel));
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}
