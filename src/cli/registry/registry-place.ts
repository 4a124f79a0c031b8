/** The place of a registry, parsed from `--registry`: memory, a file, or servers named by a URL. */
import { join } from "node:path";
import { isPostgresUrl, postgresPlace, type PostgresPlace } from "../servers/postgres-place.js";
import {
  allowParameters,
  hasScheme,
  hostsOf,
  parseServerUrl,
  WrongPart,
  type ServerHost,
  type ServerUrl,
} from "../servers/server-url.js";

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
  // As a file, `postgres:…` would be a registry of this gateway alone, and its name may contain a password.
  if (!hasScheme(text) && text.trim() !== "" && !/^(postgres(ql)?|etcds?):/i.test(text.trim())) {
    return text === "memory" ? { kind: "memory" } : { kind: "file", path: text };
  }
  const examples = "postgres://user@host1,host2/database or etcd://host1,host2";
  return parseServerUrl(text, { name, purpose: "registry", examples }, serverPlace);
}

/** The place as messages name it. */
export function placeText(place: RegistryPlace): string {
  if (place.kind === "memory") return "memory";
  return place.kind === "file" ? place.path : place.url;
}

function serverPlace(url: ServerUrl): ServerPlace {
  if (isPostgresUrl(url)) return postgresPlace(url, "shardgate");
  if (/^etcds?$/.test(url.scheme)) return etcdPlace(url);
  throw new WrongPart("must be a file, `memory`, or a URL that begins with postgres://, etcd:// or etcds://.");
}

function etcdPlace(url: ServerUrl): EtcdPlace {
  allowParameters(url, []);
  const prefix = url.path.replace(/\/+$/, "") || "shardgate";
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(prefix)) {
    throw new WrongPart("must have a prefix of letters, digits, `.`, `_`, `-` and `/`: etcd://host/prefix.");
  }
  const { user, scheme, text } = url;
  return {
    kind: "etcd",
    hosts: hostsOf(url, 2379),
    user,
    prefix: `/${prefix}`,
    isTls: scheme === "etcds",
    url: text,
  };
}
