// The conformance kit for a site of any make: what docs/protocol.md asks of it, as far as its hub can see it.
import { type CheckOutcome, runChecks } from './check.ts';
import { peerLineChecks } from './peer-line-checks.ts';
import { lastSiteCheck, siteChecks } from './site-checks.ts';
import { siteUnderTest } from './site-under-test.ts';

/**
 * Listens on this machine's own address in a hub's place, hands out an invite and waits a quarter of an hour for the site that
 * joins by it. At its end the site's membership is over.
 * @param port 0 for any that is free
 * @throws Fault where the port cannot be listened on
 */
export async function siteConformance(
  port: number,
  onInvite: (invite: string) => void,
  onOutcome: (outcome: CheckOutcome) => void,
): Promise<readonly CheckOutcome[]> {
  const site = await siteUnderTest(port);
  try {
    onInvite(site.invite);
    return await runChecks([...siteChecks, ...peerLineChecks, lastSiteCheck], site, onOutcome);
  } finally {
    site.close();
  }
}
