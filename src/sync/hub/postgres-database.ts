// The hub's rows in PostgreSQL (15 or newer), which several hub processes share. A database of its own per federation, reached
// directly or through a pooler that keeps sessions: locks and LISTEN belong to one.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  type ClientBase,
  type ClientConfig,
  Pool,
  type PoolClient,
  type QueryResult,
  types as postgresTypes,
} from 'pg';
import { hubFault } from './faults.ts';
import type { DatabaseOptions, HubDatabase, HubStatements, SqlValue, Turn } from './hub-database.ts';
import { migrations } from './hub-schema.ts';
import { schemaToPostgres, toPostgres } from './postgres-dialect.ts';

/** First half of all our advisory locks: other programs that use the database have other ones. */
const lockClass = 0x494d4751;
const transactionLock = 0;
const channel = 'imagiq_hub';
/** A NOTIFY may be lost with its connection: looked anyway. */
const lookEveryMs = 2_000;
const reconnectMs = 1_000;
const connections = 10;
/** A process that was stopped in the middle of a transaction must not keep the others waiting. */
const idleInTransactionMs = 10_000;
const statementMs = 30_000;
const defaultLeaseMs = 60_000;

/** `address` as postgres://user@host:port/database; without a password in it, PGPASSWORD or ~/.pgpass is used. */
export async function openPostgresDatabase(address: string, options: DatabaseOptions): Promise<HubDatabase> {
  const process = randomUUID();
  const leaseMs = options.leaseMs ?? defaultLeaseMs;
  const config: ClientConfig = {
    connectionString: address,
    application_name: 'imagiq hub',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    statement_timeout: statementMs,
    // Also when the network swallows the answer.
    query_timeout: statementMs + 5_000,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    // Counts come as 64-bit integers, which the driver would leave as text.
    types: {
      getTypeParser: (oid, format) =>
        oid === postgresTypes.builtins.INT8 ? Number : postgresTypes.getTypeParser(oid, format),
    },
  };
  const pool = openPool(config);
  const translated = new Map<string, string>();
  const statementsOn = (on: Pool | ClientBase): HubStatements => {
    const query = async (sql: string, values: readonly SqlValue[]): Promise<QueryResult> => {
      const text = translated.get(sql) ?? toPostgres(sql);
      translated.set(sql, text);
      return on.query(text, [...values]);
    };
    return {
      process,
      get: async <Row>(sql: string, ...values: readonly SqlValue[]) =>
        (await query(sql, values)).rows[0] as Row | undefined,
      all: async <Row>(sql: string, ...values: readonly SqlValue[]) => (await query(sql, values)).rows as Row[],
      run: async (sql, ...values) => (await query(sql, values)).rowCount ?? 0,
    };
  };
  /** The connection is given back, or thrown away when something failed on it. */
  const onConnection = async <Value>(work: (client: PoolClient) => Promise<Value>): Promise<Value> => {
    const client = await pool.connect();
    try {
      const value = await work(client);
      client.release();
      return value;
    } catch (thrown) {
      client.release(true);
      throw thrown;
    }
  };
  const inTransaction = <Value>(work: (client: PoolClient) => Promise<Value>): Promise<Value> =>
    onConnection(async (client) => {
      await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${lockClass}, ${transactionLock})`);
      try {
        const value = await work(client);
        await client.query(`NOTIFY ${channel}; COMMIT`);
        return value;
      } catch (thrown) {
        // Where the connection is gone there is nothing to roll back.
        await client.query('ROLLBACK').catch(() => {});
        throw thrown;
      }
    });

  try {
    await bringUpToDate(pool, inTransaction, options.mustExist);
  } catch (thrown) {
    await pool.end();
    throw thrown;
  }

  return {
    ...statementsOn(pool),
    isShared: true,
    transaction: (work) => inTransaction((client) => work(statementsOn(client))),
    turn: (name) => takeTurn(pool, lockOf(name), leaseMs),
    watch(onChange) {
      const stop = new AbortController();
      void listen(config, onChange, stop.signal);
      const timer = setInterval(onChange, lookEveryMs).unref();
      return () => {
        stop.abort();
        clearInterval(timer);
      };
    },
    async now() {
      const { rows } = await pool.query<{ now: number }>(
        'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
      );
      return rows[0]!.now;
    },
    close: () => pool.end(),
  };
}

function openPool(config: ClientConfig): Pool {
  const pool = new Pool({ ...config, max: connections });
  // A connection that breaks while nobody uses it is replaced by the next; one in use fails its statement.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** @throws Fault 525, 541 or 543. */
async function bringUpToDate(
  pool: Pool,
  inTransaction: (work: (client: PoolClient) => Promise<void>) => Promise<void>,
  mustExist: boolean,
): Promise<void> {
  try {
    await pool.query('SELECT 1');
  } catch (thrown) {
    // Never the error itself: that of a malformed address repeats it, password and all.
    const { message, code } = thrown as NodeJS.ErrnoException;
    throw hubFault.databaseUnreachable(message || (code ?? 'no reason given'));
  }
  await inTransaction(async (client) => {
    const found = await client.query<{ isThere: boolean }>(
      `SELECT to_regclass('"schemaVersion"') IS NOT NULL AS "isThere"`,
    );
    if (!found.rows[0]!.isThere) {
      if (mustExist) throw hubFault.noHubInDatabase();
      await client.query(
        'CREATE TABLE "schemaVersion" (version BIGINT NOT NULL); INSERT INTO "schemaVersion" VALUES (0)',
      );
    }
    const { rows } = await client.query<{ version: number }>('SELECT version FROM "schemaVersion"');
    const { version } = rows[0]!;
    if (version > migrations.length) throw hubFault.newerDatabase(version);
    for (const migration of migrations.slice(version)) await client.query(schemaToPostgres(migration));
    await client.query('UPDATE "schemaVersion" SET version = $1', [migrations.length]);
  });
}

/** Second half of an advisory lock's key: 31 bits, never that of the transactions. */
const lockOf = (name: string): number =>
  1 + (createHash('sha256').update(name).digest().readUInt32BE() % (2 ** 31 - 1));

/**
 * An advisory lock on a connection of its own: PostgreSQL lets go of it with the connection, so at once when its process is killed. A
 * process that is stopped, or cut off, keeps its connection: it is ended once nothing was heard on it for the lease.
 */
async function takeTurn(pool: Pool, lock: number, leaseMs: number): Promise<Turn | null> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ isMine: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS "isMine"', [
      lockClass,
      lock,
    ]);
    if (!rows[0]!.isMine) {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE locktype = 'advisory' AND granted AND classid::bigint = $1 AND objid::bigint = $2 AND objsubid = 2
           AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND state_change < clock_timestamp() - make_interval(secs => $3)`,
        [lockClass, lock, leaseMs / 1_000],
      );
      client.release();
      return null;
    }
  } catch (thrown) {
    client.release(true);
    throw thrown;
  }
  // A failure shows at the turn's end.
  const alive = setInterval(() => void client.query('SELECT 1').catch(() => {}), leaseMs / 4).unref();
  return {
    async end() {
      clearInterval(alive);
      try {
        await client.query('SELECT pg_advisory_unlock($1, $2)', [lockClass, lock]);
        client.release();
      } catch {
        // With the connection goes the lock.
        client.release(true);
      }
    },
  };
}

/** Calls `onChange` at each NOTIFY, and whenever the connection was made anew: what came meanwhile was not heard. */
async function listen(config: ClientConfig, onChange: () => void, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const client = new Client({ ...config, application_name: 'imagiq hub listener', query_timeout: 0 });
    const ended = new Promise<void>((resolve) => {
      client.on('error', () => resolve());
      client.on('end', () => resolve());
      stop.addEventListener('abort', () => resolve(), { once: true });
    });
    client.on('notification', onChange);
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      onChange();
      await ended;
    } catch {
      // Tried again below; the regular look goes on meanwhile.
    }
    await client.end().catch(() => {});
    await delay(reconnectMs, undefined, { signal: stop }).catch(() => {});
  }
}
