// Where this site tells its peers that it listens: a statement that its device signs.
import { parseStatement, signStatement } from '../protocol/statement.ts';
import type { MembershipDesk } from './membership-desk.ts';

/**
 * Signs where this site listens now, or that it does not, where that is another place than it told last. Nothing is saved here.
 * @returns whether it is another.
 */
export function signAddress(
  { state, keys, clock }: Pick<MembershipDesk, 'state' | 'keys' | 'clock'>,
  now: { readonly url: string; readonly certificate: string } | null,
): boolean {
  const told = state.address === null ? null : parseStatement('address', state.address.statement);
  const url = now?.url ?? null;
  const certificate = now?.certificate ?? null;
  if ((told?.url ?? null) === url && (url === null || told?.certificate === certificate)) return false;
  const sequence = Math.max((told?.sequence ?? 0) + 1, Math.floor(clock() / 1_000));
  const { hubFingerprint: hub } = state;
  state.address = signStatement('address', { hub, device: keys.fingerprint, sequence, url, certificate }, keys);
  return true;
}
