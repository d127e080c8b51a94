// A project whose mode has no trunk ends at its sites: each says so, and when all that take part have, it has ended at the hub too.
import { wireFault } from '../protocol/faults.ts';
import { readStatement, type Signed } from '../protocol/statement.ts';
import { hubFault } from './faults.ts';
import type { HubDatabase } from './hub-database.ts';
import type { EnterAct } from './hub-ledger.ts';
import type { AdmittedSite } from './members.ts';
import { currentProject } from './current-project.ts';

/**
 * Takes a site's word that its turns of the current project are done.
 * @returns whether those of all members are that approved it. @throws Fault 403, 511 for another project, 400 for one that has a trunk or more turns.
 */
export async function recordTurnsDone(
  db: HubDatabase,
  enter: EnterAct,
  site: AdmittedSite,
  signed: Signed,
): Promise<boolean> {
  const { projectHash, turn, model } = readStatement('turns-done', signed, site.publicKey);
  return db.transaction(async (tx) => {
    const current = await currentProject(tx);
    if (current?.projectHash !== projectHash) throw hubFault.otherProject();
    if (current.project.mode.kind === 'trunk' || turn < current.project.commits)
      throw wireFault.malformedMessage('the turns of this project are not done');
    const isNew = await tx.run(
      'INSERT INTO turnsDone VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      projectHash,
      site.fingerprint,
      signed.statement,
      signed.signature,
    );
    if (isNew === 1) {
      const detail = { from: site.site, device: site.fingerprint, project: current.project.id, projectHash };
      await enter(tx, 'turns-done', { ...detail, turns: turn, model });
    }
    const left = await tx.get<{ n: number }>(
      `SELECT count(*) AS n FROM answers JOIN members ON members.fingerprint = answers.site
       WHERE answers.projectHash = ? AND answer = 'approved' AND state = 'member' AND role <> 'observer'
         AND answers.site NOT IN (SELECT site FROM turnsDone WHERE turnsDone.projectHash = ?)`,
      projectHash,
      projectHash,
    );
    return left!.n === 0;
  });
}
