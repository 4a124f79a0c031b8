/**
 * The place of a registry, parsed from `--registry`: memory, a file, or servers named by a URL. It never contains a
 * password, because arguments and environment variables appear in lists of processes and in the files of supervisors.
 */
import { join } from "node:path";
import { exitCodes } from "../terminal/exit-code.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { portMax } from "../options/option.js";
import { isLoopback } from "../options/exposure.js";

export type RegistryPlace = MemoryPlace | FilePlace | ServerPlace;

/** The registry of a gateway with this data folder and without `--registry`. */
export function usualPlace(data: string): FilePlace {
  return { kind: "file", path: join(data, "registry.json") };
}

export interface MemoryPlace {
  readonly kind: "memory";
}

export interface FilePlace {
  readonly kind: "file";
  readonly path: string;
}

export type ServerPlace = PostgresPlace | EtcdPlace;

export interface ServerHost {
  readonly host: string;
  readonly port: number;
}

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

export interface EtcdPlace {
  readonly kind: "etcd";
  readonly hosts: readonly ServerHost[];
  /** Null: etcd uses no authentication, or authenticates by certificate. */
  readonly user: string | null;
  /** Prefix of all keys, with a slash at its beginning and none at its end. */
  readonly prefix: string;
  readonly isTls: boolean;
  readonly url: string;
}

/**
 * The place in `text`. Throws CommandFailure as a usage error of `name`, which never repeats the text because it may
 * contain a password.
 */
export function parseRegistryPlace(name: string, text: string): RegistryPlace {
  const [, scheme, rest = ""] = /^([A-Za-z][\w+.-]*):\/\/(.*)$/s.exec(text.trim()) ?? [];
  const refuse = (what: string): CommandFailure => new CommandFailure(`${name} ${what}`, exitCodes.usage);
  if (scheme === undefined) {
    if (text.trim() === "") throw refuse("must not be empty.");
    // As a file it would be a registry of this gateway alone, and its name may contain a password.
    if (/^(postgres(ql)?|etcds?):/i.test(text.trim())) throw refuse(noUrl);
    return text === "memory" ? { kind: "memory" } : { kind: "file", path: text };
  }
  const userEnd = rest.lastIndexOf("@");
  if (rest.slice(0, Math.max(userEnd, 0)).includes(":") || /[?&]password=/i.test(rest)) throw refuse(hasPassword);
  const parts = urlParts(rest);
  if (parts === null) throw refuse(noUrl);
  const url = `${scheme.toLowerCase()}://${rest}`;
  try {
    if (/^postgres(ql)?$/i.test(scheme)) return postgresPlace(parts, url);
    if (/^etcds?$/i.test(scheme)) return etcdPlace(parts, { isTls: /s$/i.test(scheme), url });
  } catch (error) {
    throw error instanceof WrongPart ? refuse(error.message) : error;
  }
  throw refuse("must be a file, `memory`, or a URL that begins with postgres://, etcd:// or etcds://.");
}

/** The place as messages name it. */
export function placeText(place: RegistryPlace): string {
  if (place.kind === "memory") return "memory";
  return place.kind === "file" ? place.path : place.url;
}

const hasPassword =
  "contains a password, which other users of this host can read in the list of processes. Remove it from the URL, and " +
  "give it in a file with --registry-password-file or in the variable SHARDGATE_REGISTRY_PASSWORD.";

const noUrl = "must be a URL such as postgres://user@host1,host2/database or etcd://host1,host2.";

/** The message describes the fault, and follows the name of the option. */
class WrongPart extends Error {}

interface UrlParts {
  readonly user: string | null;
  readonly hosts: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

function urlParts(rest: string): UrlParts | null {
  const match = /^(?:([^@/?#\s]*)@)?([^@/?#\s]*)(?:\/([^?#\s]*))?(?:\?([^#\s]*))?$/.exec(rest);
  if (match === null) return null;
  const [, user, hosts = "", path = "", query = ""] = match;
  try {
    const name = user === undefined || user === "" ? null : decodeURIComponent(user);
    return { user: name, hosts, path: decodeURIComponent(path), query: new URLSearchParams(query) };
  } catch {
    return null;
  }
}

function postgresPlace({ user, hosts, path, query }: UrlParts, url: string): PostgresPlace {
  allowParameters(query, ["sslmode", "schema"]);
  if (path === "" || path.includes("/")) throw new WrongPart("must name a database: postgres://user@host/database.");
  const schema = query.get("schema") ?? "shardgate";
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema)) {
    throw new WrongPart("must have a schema of at most 40 lower-case letters, digits and `_`, not a digit first.");
  }
  const parsed = hostsOf(hosts, 5432);
  const isTls = query.has("sslmode")
    ? isEncrypting(query.get("sslmode"))
    : !parsed.every(({ host }) => isLoopback(host));
  return { kind: "postgres", hosts: parsed, user: user ?? "shardgate", database: path, schema, isTls, url };
}

/** Only the two unambiguous modes of libpq: where TLS is used, the certificate is verified. */
function isEncrypting(mode: string | null): boolean {
  if (mode === "disable" || mode === "verify-full") return mode === "verify-full";
  throw new WrongPart("must have sslmode=verify-full, the default for other hosts than this one, or sslmode=disable.");
}

function etcdPlace({ user, hosts, path, query }: UrlParts, rest: { isTls: boolean; url: string }): EtcdPlace {
  allowParameters(query, []);
  const prefix = path.replace(/\/+$/, "") || "shardgate";
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(prefix)) {
    throw new WrongPart("must have a prefix of letters, digits, `.`, `_`, `-` and `/`: etcd://host/prefix.");
  }
  return { kind: "etcd", hosts: hostsOf(hosts, 2379), user, prefix: `/${prefix}`, ...rest };
}

function allowParameters(query: URLSearchParams, allowed: readonly string[]): void {
  const wrong = [...query.keys()].find((key) => !allowed.includes(key));
  if (wrong === undefined) return;
  const known = allowed.length === 0 ? "no parameters" : `only the parameters ${allowed.join(" and ")}`;
  throw new WrongPart(`takes ${known}, not \`${wrong.slice(0, 40)}\`.`);
}

function hostsOf(text: string, usualPort: number): readonly ServerHost[] {
  return text.split(",").map((one) => {
    const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(one) ?? [];
    const host = bracketed ?? plain;
    const number = port === undefined ? usualPort : Number(port);
    if (host === undefined || number < 1 || number > portMax) {
      throw new WrongPart("must name its servers as host or host:port, with commas between several.");
    }
    return { host, port: number };
  });
}
