// Whether anything may be taken from a site, or for a project, as it stands inside the transaction that takes it: a membership, an answer or
// a project may change while bytes are checked, also at another hub or by a command beside the hub.
import type { Fault } from '../../contract/fault.ts';
import { hubFault } from './faults.ts';
import { type HubStatements, readSetting } from './hub-database.ts';

/** Why nothing is taken from a site for a project; null when it takes part. */
export async function outsiderFault(tx: HubStatements, projectHash: string, site: string): Promise<Fault | null> {
  const member = await tx.get<{ state: string }>('SELECT state FROM members WHERE fingerprint = ?', site);
  if (member?.state !== 'member') return hubFault.notMember();
  return (await hasDeclined(tx, projectHash, site)) ? hubFault.declined() : null;
}

/** Whether the site's last word on the project was no. */
export async function hasDeclined(tx: HubStatements, projectHash: string, site: string): Promise<boolean> {
  const sql = 'SELECT answer FROM answers WHERE projectHash = ? AND site = ?';
  return (await tx.get<{ answer: string }>(sql, projectHash, site))?.answer === 'declined';
}

/** Why nothing is taken for a project any more; null while it is the current one and goes on. */
export async function endedProjectFault(tx: HubStatements, projectHash: string): Promise<Fault | null> {
  if ((await readSetting(tx, 'project')) !== projectHash) return hubFault.otherProject();
  const row = await tx.get<{ finishedAt: string | null; retiredBecause: string | null }>(
    'SELECT finishedAt, retiredBecause FROM projects WHERE projectHash = ?',
    projectHash,
  );
  return row === undefined || row.finishedAt !== null || row.retiredBecause !== null ? hubFault.finished() : null;
}
