// How hubs are reached, as `imagiq settings` takes and tells it.
import path from 'node:path';
import type { ConnectionChange, ShownConnection } from '../contract/connection.ts';

export interface ConnectionOptions {
  readonly proxy?: string;
  readonly proxyUser?: string;
  readonly ca?: string;
}

/** Only what the options name. */
export function connectionChanges(
  { proxy, proxyUser, ca }: ConnectionOptions,
  password: string | undefined,
): ConnectionChange {
  const isLoginGone = proxyUser === 'none';
  return {
    ...(proxy !== undefined &&
      (proxy === 'environment' || proxy === 'none' ? { proxy } : { proxy: 'address', proxyUrl: proxy })),
    ...(proxyUser !== undefined && { proxyUser: isLoginGone ? null : proxyUser }),
    ...(isLoginGone ? { proxyPassword: null } : password !== undefined && { proxyPassword: password }),
    ...(ca !== undefined && { caFile: ca === 'none' ? null : path.resolve(ca) }),
  };
}

export function connectionText(connection: ShownConnection): string {
  const { proxy, proxyInUse, proxyUser, hasPassword, caFile, caProblem } = connection;
  const login = proxyUser === null ? '' : ` as ${proxyUser}, password ${hasPassword ? 'kept' : 'missing'}`;
  return [
    `proxy:   ${proxyInUse ?? 'none'}${login}${proxy === 'environment' ? ' (from the environment)' : ''}`,
    `ca:      ${caFile ?? 'those of the system'}`,
    ...(caProblem === null ? [] : [`Note: ${caProblem}`]),
  ].join('\n');
}
