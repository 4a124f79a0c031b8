/** Opens the registry store at a place. Modules that only some kinds of places need are loaded on demand. */
import { dirname } from "node:path";
import type { Clock } from "../../core/clock.js";
import type { RegistryStore } from "../../registry/registry-store.js";
import { FileStore } from "../../registry/stores/file/file-store.js";
import { MemoryStore } from "../../registry/stores/memory-store.js";
import { lockRegistry } from "../files/file-lock.js";
import { watchFiles } from "../files/file-watch.js";
import { makeFolder } from "../files/make-folder.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { exitCodes } from "../terminal/exit-code.js";
import { postgresAccess, type PostgresPlace } from "../servers/postgres-place.js";
import { openServerAccess, type ServerAccessParts, type ServerAccess } from "../servers/server-options.js";
import { passwordVariable, type ServerHost } from "../servers/server-url.js";
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

export type RegistryParts = ServerAccessParts;

/** Throws the errors of the stores, and CommandFailure for unusable files or an unusable password. */
export async function openRegistry(
  place: RegistryPlace,
  options: RegistryServerOptions,
  parts: RegistryParts,
): Promise<OpenedRegistry> {
  if (place.kind === "memory") return opened(new MemoryStore(), false);
  if (place.kind === "file") return opened(await openFile(place.path, parts), false);
  checkUser(place, options, parts.variable);
  const access = await openServerAccess(registryFiles(options), parts);
  const { clock } = parts;
  const store =
    place.kind === "postgres" ? await openPostgres(place, access, clock) : await openEtcd(place, access, clock);
  return opened(store, true, () => access.tls.close());
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

async function openPostgres(place: PostgresPlace, access: ServerAccess, clock: Clock): Promise<RegistryStore> {
  const { PostgresStore } = await import("../../registry/stores/postgres/postgres-store.js");
  return new PostgresStore({ ...postgresAccess(place, access), schema: place.schema, clock });
}

async function openEtcd(place: EtcdPlace, { password, tls }: ServerAccess, clock: Clock): Promise<RegistryStore> {
  const { EtcdStore } = await import("../../registry/stores/etcd/etcd-store.js");
  const { hosts, user, prefix, isTls } = place;
  const members = hosts.map((host) => `${isTls ? "https" : "http"}://${authority(host)}`);
  const credentials = user === null || password === null ? null : { name: user, password };
  return new EtcdStore({ members, prefix, credentials, tls, clock });
}

function authority({ host, port }: ServerHost): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Users of etcd have passwords, and passwords belong to users. */
function checkUser(place: ServerPlace, options: RegistryServerOptions, variable: RegistryParts["variable"]): void {
  if (place.kind !== "etcd") return;
  const { registryPasswordFile: file } = options;
  if (place.user !== null && file === undefined && (variable(passwordVariable("registry")) ?? "") === "") {
    const message = `The registry ${place.url} names the user ${place.user}: add --registry-password-file <file>.`;
    throw new CommandFailure(message, exitCodes.usage);
  }
  if (place.user === null && file !== undefined) {
    throw new CommandFailure("A password for etcd needs a user: etcd://user@host/prefix.", exitCodes.usage);
  }
}
