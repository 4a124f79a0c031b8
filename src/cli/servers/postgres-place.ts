/** A schema of a PostgreSQL database, parsed from a URL: where a registry or a shared store is kept. */
import { isLoopback } from "../options/exposure.js";
import type { ServerAccess } from "./server-options.js";
import { allowParameters, hostsOf, WrongPart, type ServerHost, type ServerUrl } from "./server-url.js";

export interface PostgresPlace {
  readonly kind: "postgres";
  readonly hosts: readonly ServerHost[];
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  readonly isTls: boolean;
  /** The URL, for messages. */
  readonly url: string;
}

export function isPostgresUrl({ scheme }: ServerUrl): boolean {
  return /^postgres(ql)?$/.test(scheme);
}

/** The place at a URL of PostgreSQL, whose schema is `usualSchema` unless it names another one. Throws WrongPart. */
export function postgresPlace(url: ServerUrl, usualSchema: string): PostgresPlace {
  const { path, query, user, text } = url;
  allowParameters(url, ["sslmode", "schema"]);
  if (path === "" || path.includes("/")) throw new WrongPart("must name a database: postgres://user@host/database.");
  const schema = query.get("schema") ?? usualSchema;
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema)) {
    throw new WrongPart("must have a schema of at most 40 lower-case letters, digits and `_`, not a digit first.");
  }
  const hosts = hostsOf(url, 5432);
  const isTls = query.has("sslmode")
    ? isEncrypting(query.get("sslmode"))
    : !hosts.every(({ host }) => isLoopback(host));
  return { kind: "postgres", hosts, user: user ?? "shardgate", database: path, schema, isTls, url: text };
}

/** How the servers of a place are called. */
export function postgresAccess({ hosts, user, database, isTls }: PostgresPlace, { password, tls }: ServerAccess) {
  return { hosts, user, database, password, tls: isTls ? tls : null };
}

/** Only the two unambiguous modes of libpq: where TLS is used, the certificate is verified. */
function isEncrypting(mode: string | null): boolean {
  if (mode === "disable" || mode === "verify-full") return mode === "verify-full";
  throw new WrongPart("must have sslmode=verify-full, the default for other hosts than this one, or sslmode=disable.");
}
