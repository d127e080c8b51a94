// What the console and the hub's status tell of updates and trunk versions. Rows only.
import { z } from 'zod';
import { parseJson, parseStatement, type TrunkStatement, validationSchema } from '../protocol/statement.ts';
import type { HubStatements } from './hub-database.ts';

/** How a trunk version does on a site's validation images, by the site's own word. */
export type ReportedValidation = z.infer<typeof validationSchema>;

export interface NewestUpdate {
  readonly site: string;
  readonly examples: number;
  readonly acceptedAt: string;
  /** Null where the site does not say. */
  readonly validation: ReportedValidation | null;
}

export interface ReportedUpdate {
  readonly site: string;
  readonly baseVersion: number;
  /** Null while it waits. */
  readonly committedVersion: number | null;
  /** Its commit's rule did not keep it. */
  readonly isLeftOut: boolean;
  readonly examples: number;
  /** Of the site's training, by its own word. */
  readonly loss: number | null;
  readonly validation: ReportedValidation | null;
  readonly acceptedAt: string;
}

export interface TrunkReports {
  acceptedUpdates(): Promise<number>;
  /** Of each site its newest update. */
  newestUpdates(): Promise<readonly NewestUpdate[]>;
  /** The latest updates of a project with what their sites said of them, latest first. */
  recentUpdates(projectHash: string, limit: number): Promise<readonly ReportedUpdate[]>;
  /** The latest versions, latest first. */
  trunkVersions(projectHash: string, limit: number): Promise<readonly TrunkStatement[]>;
}

const reportSchema = z.object({ loss: z.number(), validation: validationSchema.nullable().default(null) });

/** Nulls where a kind of update does not say it. */
function reportIn(statement: string): Pick<ReportedUpdate, 'loss' | 'validation'> {
  return reportSchema.safeParse(parseJson(statement)).data ?? { loss: null, validation: null };
}

export function openTrunkReports(db: HubStatements): TrunkReports {
  return {
    acceptedUpdates: async () => (await db.get<{ n: number }>('SELECT count(*) AS n FROM updates'))!.n,
    async newestUpdates() {
      const rows = await db.all<Omit<NewestUpdate, 'validation'> & { statement: string }>(
        'SELECT site, examples, acceptedAt, statement FROM updates WHERE number IN (SELECT max(number) FROM updates GROUP BY site)',
      );
      return rows.map(({ statement, ...update }) => ({ ...update, validation: reportIn(statement).validation }));
    },
    async recentUpdates(projectHash, limit) {
      type Row = Omit<ReportedUpdate, 'isLeftOut' | 'loss' | 'validation'> & { isLeftOut: number; statement: string };
      const rows = await db.all<Row>(
        `SELECT site, baseVersion, committedVersion, isLeftOut, examples, acceptedAt, statement FROM updates
         WHERE projectHash = ? ORDER BY number DESC LIMIT ?`,
        projectHash,
        limit,
      );
      return rows.map(({ statement, isLeftOut, ...update }) => ({
        ...update,
        isLeftOut: isLeftOut === 1,
        ...reportIn(statement),
      }));
    },
    async trunkVersions(projectHash, limit) {
      const rows = await db.all<{ statement: string }>(
        'SELECT statement FROM trunk WHERE projectHash = ? ORDER BY version DESC LIMIT ?',
        projectHash,
        limit,
      );
      return rows.map(({ statement }) => parseStatement('trunk', statement));
    },
  };
}
