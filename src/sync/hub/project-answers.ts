// What the sites' data managers said to a project: their signed words, the last of each site.
import { readStatement, type Signed } from '../protocol/statement.ts';
import { recordEvent } from './event-log.ts';
import { hubFault } from './faults.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';
import type { EnterAct } from './hub-ledger.ts';
import type { AdmittedSite } from './members.ts';
import { currentProject } from './current-project.ts';

export interface ProjectAnswer {
  readonly site: string;
  readonly answer: 'approved' | 'declined';
  readonly because: string | null;
  readonly answeredAt: string;
}

/** Takes a site's answer to the current project. @throws Fault 403 for a signature that does not fit, 511 for another project. */
export async function recordAnswer(
  db: HubDatabase,
  enter: EnterAct,
  site: AdmittedSite,
  signed: Signed,
): Promise<ProjectAnswer> {
  const said = readStatement('project-answer', signed, site.publicKey);
  const { answer, because, answeredAt } = said;
  await db.transaction(async (tx) => {
    if (said.projectHash !== (await currentProject(tx))?.projectHash) throw hubFault.otherProject();
    const changed = await tx.run(
      `INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (projectHash, site) DO UPDATE
       SET answer = excluded.answer, because = excluded.because, answeredAt = excluded.answeredAt,
         statement = excluded.statement, signature = excluded.signature WHERE answers.statement != excluded.statement`,
      said.projectHash,
      site.fingerprint,
      answer,
      because,
      answeredAt,
      signed.statement,
      signed.signature,
    );
    // Told again by a site that did not hear the first receipt.
    if (changed === 0) return;
    // Whoever declines is no peer of the others, and has no part in a masked buffer.
    await recordEvent(tx, 'member-changed', site.fingerprint);
    await enter(tx, answer === 'approved' ? 'approval-recorded' : 'decline-recorded', {
      from: site.site,
      device: site.fingerprint,
      project: said.project,
      projectHash: said.projectHash,
      reason: because,
    });
  });
  return { site: site.site, answer, because, answeredAt };
}

/** Every site's last answer, in the order in which they were given. */
export function answersTo(db: HubStatements, projectHash: string): Promise<ProjectAnswer[]> {
  return db.all<ProjectAnswer>(
    `SELECT members.site AS site, answer, because, answeredAt FROM answers JOIN members ON members.fingerprint = answers.site
     WHERE projectHash = ? ORDER BY answeredAt`,
    projectHash,
  );
}
