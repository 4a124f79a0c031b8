/** Opens the registry store at a place. Modules that only some kinds of places need are loaded on demand. */
import { dirname } from "node:path";
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import type { RegistryStore } from "../../registry/registry-store.js";
import { FileStore } from "../../registry/stores/file/file-store.js";
import { MemoryStore } from "../../registry/stores/memory-store.js";
import type { TlsSource } from "../../tls/tls-source.js";
import type { Environment } from "../environment/environment.js";
import { lockRegistry } from "../files/file-lock.js";
import { watchFiles } from "../files/file-watch.js";
import { makeFolder } from "../files/make-folder.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { exitCodes } from "../terminal/exit-code.js";
import type { PostgresPlace } from "../servers/postgres-place.js";
import { openServerTls, serverPassword } from "../servers/server-options.js";
import type { ServerHost } from "../servers/server-url.js";
import { registryFiles, type RegistryServerOptions } from "./registry-options.js";
import type { EtcdPlace, RegistryPlace, ServerPlace } from "./registry-place.js";

/** Interval of checking whether an operator has replaced the registry's file: one system call each time. */
const registryFilePollMs = 1_000;

export interface OpenedRegistry {
  readonly store: RegistryStore;
  /** Whether several gateways may use the store at a time; if not, a lock admits only one. */
  readonly isShared: boolean;
  /** Closes the store, too. */
  close(): Promise<void>;
}

export interface RegistryParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly variable: Environment["variable"];
}

/** Throws the errors of the stores, and CommandFailure for unusable files or an unusable password. */
export async function openRegistry(
  place: RegistryPlace,
  options: RegistryServerOptions,
  parts: RegistryParts,
): Promise<OpenedRegistry> {
  if (place.kind === "memory") return opened(new MemoryStore(), false);
  if (place.kind === "file") return opened(await openFile(place.path, parts), false);
  const password = await checkedPassword(place, options, parts);
  const tls = await openServerTls(registryFiles(options), parts);
  const store =
    place.kind === "postgres"
      ? await openPostgres(place, { password, tls, clock: parts.clock })
      : await openEtcd(place, { password, tls, clock: parts.clock });
  return opened(store, true, () => tls.close());
}

function opened(store: RegistryStore, isShared: boolean, closeMore = async (): Promise<void> => {}): OpenedRegistry {
  return {
    store,
    isShared,
    async close() {
      await store.close();
      await closeMore();
    },
  };
}

async function openFile(path: string, { clock, log }: RegistryParts): Promise<FileStore> {
  await makeFolder(dirname(path));
  return FileStore.open(path, {
    lockFile: (lockPath) => lockRegistry(lockPath, clock),
    watchFile(filePath, onChange) {
      const look = (isChanged: boolean): void => (isChanged ? onChange() : undefined);
      const watch = watchFiles([filePath], look, { clock, log, pauseMs: registryFilePollMs });
      return () => void watch.stop();
    },
  });
}

interface ServerAccess {
  readonly password: (() => Promise<string>) | null;
  readonly tls: TlsSource;
  readonly clock: Clock;
}

async function openPostgres(place: PostgresPlace, { tls, ...access }: ServerAccess): Promise<RegistryStore> {
  const { PostgresStore } = await import("../../registry/stores/postgres/postgres-store.js");
  const { hosts, user, database, schema, isTls } = place;
  return new PostgresStore({ hosts, user, database, schema, tls: isTls ? tls : null, ...access });
}

async function openEtcd(
  { hosts, user, prefix, isTls }: EtcdPlace,
  { password, ...access }: ServerAccess,
): Promise<RegistryStore> {
  const { EtcdStore } = await import("../../registry/stores/etcd/etcd-store.js");
  const members = hosts.map((host) => `${isTls ? "https" : "http"}://${authority(host)}`);
  const credentials = user === null || password === null ? null : { name: user, password };
  return new EtcdStore({ members, prefix, credentials, ...access });
}

function authority({ host, port }: ServerHost): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

async function checkedPassword(
  place: ServerPlace,
  options: RegistryServerOptions,
  { variable }: RegistryParts,
): Promise<ServerAccess["password"]> {
  const password = await serverPassword(registryFiles(options), variable);
  if (place.kind === "etcd" && place.user !== null && password === null) {
    const message = `The registry ${place.url} names the user ${place.user}: add --registry-password-file <file>.`;
    throw new CommandFailure(message, exitCodes.usage);
  }
  if (place.kind === "etcd" && place.user === null && options.registryPasswordFile !== undefined) {
    throw new CommandFailure("A password for etcd needs a user: etcd://user@host/prefix.", exitCodes.usage);
  }
  return password;
}
