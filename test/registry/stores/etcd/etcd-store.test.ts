/** EtcdStore on a real etcd, where it is installed. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ShardgateError } from "../../../../src/core/error.js";
import { EtcdClient } from "../../../../src/registry/stores/etcd/etcd-client.js";
import { EtcdKeys } from "../../../../src/registry/stores/etcd/etcd-keys.js";
import { EtcdStore } from "../../../../src/registry/stores/etcd/etcd-store.js";
import type { RegistryStore } from "../../../../src/registry/registry-store.js";
import { noTls } from "../../../../src/tls/tls-source.js";
import { describeServerStore, logRecord } from "../../../conformance/registry-server-store.js";
import { describeRegistryStore } from "../../../conformance/registry-store.js";
import { CertificateAuthority } from "../../../support/certificates.js";
import { etcdPath, startEtcd, type EtcdMember } from "../../../support/etcd.js";
import { RenewableTls } from "../../../support/renewable-tls.js";
import { serverClock } from "../../../support/server-clock.js";

let members: readonly EtcdMember[] = [];
let prefixes = 0;
const opened: RegistryStore[] = [];

beforeAll(async () => {
  if (etcdPath !== undefined) members = await startEtcd();
});
afterAll(async () => {
  for (const store of opened) await store.close();
  for (const { run } of members) await run.stop();
});

describe.skipIf(etcdPath === undefined)("on a real etcd (skipped where none is installed)", () => {
  describeRegistryStore("EtcdStore", async () => {
    const prefix = freshPrefix();
    return async () => storeAt(prefix);
  });

  describeServerStore("EtcdStore", freshPrefix, (prefix) => storeAt(prefix));

  describe("EtcdStore", () => {
    it("keeps the registries of two prefixes apart, also when one begins like the other", async () => {
      const prefix = freshPrefix();
      const [one, other] = [storeAt(prefix), storeAt(`${prefix}1`)];
      await one.compareAndSet(null, { version: 1, text: "one" }, logRecord(0, 1));
      expect(await other.load()).toBeNull();
      await other.compareAndSet(null, { version: 5, text: "other" }, logRecord(0, 5));
      expect(await one.log()).toEqual([logRecord(0, 1)]);
      expect(await one.load()).toMatchObject({ version: 1, text: "one" });
    });

    it("refuses what is not a registry, and leaves it as it is", async () => {
      const prefix = freshPrefix();
      const store = storeAt(prefix);
      await store.compareAndSet(null, { version: 1, text: "" }, null);
      await putRaw(`${prefix}/version`, "seven");
      await expect(store.load()).rejects.toMatchObject({
        code: "REGISTRY_CORRUPT",
        message: expect.stringMatching(/version is "seven"/),
      });
      await deleteRaw(`${prefix}/beat`);
      await expect(store.load()).rejects.toMatchObject({
        code: "REGISTRY_CORRUPT",
        message: expect.stringMatching(/keys are missing/),
      });
      expect(await store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "" }, null)).toBe(false);
    });

    it("refuses to mark or beat what is not a registry", async () => {
      const prefix = freshPrefix();
      const store = storeAt(prefix);
      await store.compareAndSet(null, { version: 1, text: "" }, null);
      await deleteRaw(`${prefix}/beat`);
      await expect(store.mark()).rejects.toMatchObject({ code: "REGISTRY_CORRUPT" });
      await expect(store.beat(1)).rejects.toMatchObject({ code: "REGISTRY_CORRUPT" });
    });

    it("gives a beat up that others are faster with each time", async () => {
      const prefix = freshPrefix();
      const store = storeAt(prefix);
      await store.compareAndSet(null, { version: 1, text: "" }, null);
      const commit = vi.spyOn(EtcdKeys.prototype, "commit").mockResolvedValue(false);
      await expect(store.beat(1)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
      commit.mockRestore();
      expect(await store.beat(1)).toBe(1);
    });

    it("has stored a change also where the log cannot be compacted", async () => {
      const store = storeAt(freshPrefix());
      const failing = vi
        .spyOn(EtcdKeys.prototype, "range")
        .mockRejectedValue(new ShardgateError("REGISTRY_UNAVAILABLE", "etcd is away."));
      expect(await store.compareAndSet(null, { version: 1, text: "" }, logRecord(0, 1))).toBe(true);
      failing.mockRestore();
      expect(await store.log()).toEqual([logRecord(0, 1)]);
    });

    it("asks the next member when one does not listen", async () => {
      const prefix = freshPrefix();
      const store = storeAt(prefix, ["http://127.0.0.1:9", ...origins()]);
      expect(await store.compareAndSet(null, { version: 1, text: "first" }, null)).toBe(true);
      expect(await store.load()).toMatchObject({ text: "first" });
    });

    it("shows its certificate to members that demand one, and verifies theirs", async () => {
      const authority = new CertificateAuthority();
      const secured = await startEtcd(1, { ...authority.issue(), ca: authority.cert });
      const tls = new RenewableTls({ clusterCa: new CertificateAuthority().cert });
      const store = new EtcdStore({
        members: secured.map(({ origin }) => origin),
        prefix: "/r",
        credentials: null,
        tls,
        clock: serverClock,
      });
      try {
        await expect(store.load()).rejects.toMatchObject({ message: expect.stringMatching(/certificate/) });
        tls.renew({ clusterCa: authority.cert });
        await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
        tls.renew({ cluster: authority.issue() });
        expect(await store.compareAndSet(null, { version: 1, text: "first" }, null)).toBe(true);
        expect(await store.load()).toMatchObject({ text: "first" });
      } finally {
        await store.close();
        for (const { run } of secured) await run.stop();
      }
    });

    it("gives its name and password where etcd wants them, also after users were changed", async () => {
      const guarded = await startEtcd();
      const [origin = ""] = guarded.map((member) => member.origin);
      let password = "wrong";
      const credentials = { name: "root", password: async () => password };
      const store = new EtcdStore({ members: [origin], prefix: "/r", credentials, tls: noTls, clock: serverClock });
      const stranger = storeAt("/r", [origin]);
      try {
        await rawCall("auth/user/add", { name: "root", password: "secret" }, origin);
        await rawCall("auth/user/grant", { user: "root", role: "root" }, origin);
        await rawCall("auth/enable", {}, origin);
        await expect(stranger.load()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
        await expect(store.load()).rejects.toMatchObject({ message: expect.stringMatching(/authentication failed/) });
        password = "secret";
        expect(await store.compareAndSet(null, { version: 1, text: "first" }, null)).toBe(true);
        const onChange = vi.fn<() => void>();
        store.watch(onChange);
        await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
        const client = new EtcdClient({ members: [origin], credentials, tls: noTls, clock: serverClock });
        await client.call("/v3/auth/user/add", { name: "other", password: "x" }, "transaction");
        await client.close();
        expect(await store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "second" }, null)).toBe(true);
      } finally {
        await store.close();
        for (const { run } of guarded) await run.stop();
      }
    });

    it("reports that no member answers", async () => {
      const store = storeAt(freshPrefix(), ["http://127.0.0.1:9"]);
      await expect(store.load()).rejects.toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
        message: expect.stringMatching(/ECONNREFUSED/),
      });
    });
  });
});

function freshPrefix(): string {
  return `/test/${++prefixes}`;
}

function origins(): readonly string[] {
  return members.map(({ origin }) => origin);
}

function storeAt(prefix: string, at = origins()): EtcdStore {
  const store = new EtcdStore({ members: at, prefix, credentials: null, tls: noTls, clock: serverClock });
  opened.push(store);
  return store;
}

async function putRaw(key: string, value: string): Promise<void> {
  await rawCall("kv/put", { key: base64(key), value: base64(value) });
}

async function deleteRaw(key: string): Promise<void> {
  await rawCall("kv/deleterange", { key: base64(key) });
}

async function rawCall(name: string, body: object, origin = origins()[0]): Promise<void> {
  const answer = await fetch(`${origin}/v3/${name}`, { method: "POST", body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
