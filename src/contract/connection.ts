// How this station reaches hubs: through which proxy, and which certificate authorities it believes.
import { z } from 'zod';

const proxyKinds = ['environment', 'none', 'address'] as const;

/** http://proxy.hospital.org:3128, without name and password. */
export const proxyUrlSchema = z
  .string()
  .trim()
  .max(500)
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  }, 'must be an address such as http://proxy.hospital.org:3128, without name and password');

const fields = z.object({
  /** environment: what HTTPS_PROXY and NO_PROXY say · none: straight · address: `proxyUrl`. */
  proxy: z.enum(proxyKinds),
  proxyUrl: proxyUrlSchema.nullable(),
  /** For a proxy that asks for a name and a password (Basic). */
  proxyUser: z.string().max(200).nullable(),
  proxyPassword: z.string().max(500).nullable(),
  /** PEM file of further certificate authorities, such as the one of a proxy that looks into TLS. */
  caFile: z.string().max(4_096).nullable(),
});

export const connectionSettingsSchema = z.object({
  proxy: fields.shape.proxy.default('environment'),
  proxyUrl: fields.shape.proxyUrl.default(null),
  proxyUser: fields.shape.proxyUser.default(null),
  proxyPassword: fields.shape.proxyPassword.default(null),
  caFile: fields.shape.caFile.default(null),
});
export type ConnectionSettings = z.infer<typeof connectionSettingsSchema>;

/** What is left out stays as it is. */
const connectionChangeSchema = fields.partial();
export type ConnectionChange = z.infer<typeof connectionChangeSchema>;

/** What window and command line see of them: never the password. */
const shownConnectionSchema = fields.omit({ proxyPassword: true }).extend({
  hasPassword: z.boolean(),
  /** The proxy that connections to hubs go through now, without name and password; null for none. */
  proxyInUse: z.string().nullable(),
  /** Why the file of certificate authorities is of no use; null when it is, or there is none. */
  caProblem: z.string().nullable(),
});
export type ShownConnection = z.infer<typeof shownConnectionSchema>;

export const connectionCalls = {
  'connection-settings': { in: z.object({}), out: shownConnectionSchema },
  /** Holds from the next connection on. */
  'change-connection-settings': { in: connectionChangeSchema, out: shownConnectionSchema },
} as const;
