import { describe, expect, it } from "vitest";
import { parseRegistryPlace, placeText } from "../../../src/cli/registry/registry-place.js";

const parse = (text: string) => parseRegistryPlace("option '--registry'", text);

describe("a place of a registry", () => {
  it("is memory, or a file", () => {
    expect(parse("memory")).toEqual({ kind: "memory" });
    expect(parse("./data/registry.json")).toEqual({ kind: "file", path: "./data/registry.json" });
  });

  it("is a PostgreSQL database on one or several hosts", () => {
    const url = "postgres://sg%40shop@db1,[2001:db8::1]:5433/clusters?schema=shop&sslmode=verify-full";
    expect(parse(url)).toEqual({
      kind: "postgres",
      hosts: [
        { host: "db1", port: 5432 },
        { host: "2001:db8::1", port: 5433 },
      ],
      user: "sg@shop",
      database: "clusters",
      schema: "shop",
      isTls: true,
      url,
    });
  });

  it("is a prefix in etcd, on one or several members", () => {
    expect(parse("etcds://sg@e1,e2:2400/shops/one/")).toMatchObject({
      kind: "etcd",
      hosts: [
        { host: "e1", port: 2379 },
        { host: "e2", port: 2400 },
      ],
      user: "sg",
      prefix: "/shops/one",
      isTls: true,
    });
    expect(parse("etcd://127.0.0.1")).toMatchObject({ user: null, prefix: "/shardgate", isTls: false });
  });

  it.each([
    ["postgres://db1/clusters", true],
    ["postgres://localhost,127.0.0.1:5433/clusters", false],
    ["postgres://localhost,db1/clusters", true],
    ["postgresql://db1/clusters?sslmode=disable", false],
    ["postgres://localhost/clusters?sslmode=verify-full", true],
  ])("reaches PostgreSQL at %s with TLS: %s", (url, isTls) => {
    expect(parse(url)).toMatchObject({ isTls, user: "shardgate", schema: "shardgate" });
  });

  it("is named in messages as it was given", () => {
    const texts = ["memory", "a/registry.json", "etcd://h1,h2/p", "postgres://u@h/d?schema=s"];
    expect(texts.map((text) => placeText(parse(text)))).toEqual(texts);
  });

  it.each([
    "postgres://sg:secret@db1/clusters",
    "postgres://sg:se/c@ret@db1/clusters",
    "postgres://:secret@db1/clusters",
    "postgres://db1/clusters?user=sg&password=secret",
    "etcd://root:secret@h1/p",
    "mysql://sg:secret@db1/clusters",
  ])("has no password: %s", (text) => {
    expect(() => parse(text)).toThrow(
      "option '--registry' contains a password, which other users of this host can read in the list of processes. " +
        "Remove it from the URL, and give it in a file with --registry-password-file or in the variable " +
        "SHARDGATE_REGISTRY_PASSWORD.",
    );
  });

  it.each([
    ["", "must not be empty"],
    ["redis://secret/p", "must be a file, `memory`, or a URL that begins with postgres://"],
    ["postgres:/sg:secret@db1/d", "must be a URL such as postgres://user@host1,host2/database"],
    ["PostgreSQL:secret@db1/d", "must be a URL such as postgres://user@host1,host2/database"],
    ["etcds:secret,h2", "must be a URL such as postgres://user@host1,host2/database"],
    ["postgres://secret", "must name a database"],
    ["postgres://secret/a/b", "must name a database"],
    ["postgres:///secret", "must name its servers as host or host:port"],
    ["postgres://secret:0/d", "must name its servers as host or host:port"],
    ["postgres://secret:65536/d", "must name its servers as host or host:port"],
    ["postgres://secret,,h/d", "must name its servers as host or host:port"],
    ["postgres://secret/d?sslmode=require", "must have sslmode=verify-full"],
    ["postgres://secret/d?schema=Odd", "must have a schema of at most 40 lower-case letters"],
    ["postgres://secret/d?options=x", "takes only the parameters sslmode and schema, not `options`"],
    ["postgres://secret/%ff", "must be a URL such as postgres://user@host1,host2/database"],
    ["postgres://secret/d#x", "must be a URL such as postgres://user@host1,host2/database"],
    ["etcd://secret/p?sslmode=disable", "takes no parameters, not `sslmode`"],
    ["etcd://secret/a//b", "must have a prefix of letters"],
  ])("is none in %j, which the message does not repeat", (text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).not.toThrow("secret");
  });
});
