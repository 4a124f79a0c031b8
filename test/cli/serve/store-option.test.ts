import { describe, expect, it } from "vitest";
import { parseStorePlace } from "../../../src/cli/serve/store-option.js";

const parse = (text: string) => parseStorePlace("option '--store'", text);

describe("a place of a store", () => {
  it("is a schema of a PostgreSQL database on one or several hosts, with TLS unless all are this host", () => {
    expect(parse("postgres://data@db1,db2:5433/shop")).toEqual({
      kind: "postgres",
      hosts: [
        { host: "db1", port: 5432 },
        { host: "db2", port: 5433 },
      ],
      user: "data",
      database: "shop",
      schema: "shardgate_store",
      isTls: true,
      url: "postgres://data@db1,db2:5433/shop",
    });
    expect(parse("postgresql://localhost/shop?schema=mine")).toMatchObject({ isTls: false, schema: "mine" });
  });

  it("has no password, and the refusal names where to give it", () => {
    expect(() => parse("postgres://data:secret@db1/shop")).toThrow(
      "option '--store' contains a password, which other users of this host can read in the list of processes. Remove it " +
        "from the URL, and give it in a file with --store-password-file or in the variable SHARDGATE_STORE_PASSWORD.",
    );
  });

  it.each([
    ["", "must not be empty"],
    ["memory", "must be a URL such as postgres://user@host1,host2/database."],
    ["./secret", "must be a URL such as postgres://user@host1,host2/database."],
    ["etcd://secret/p", "must be a URL that begins with postgres://."],
    ["postgres://secret", "must name a database"],
  ])("is none in %j, which the message does not repeat", (text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).not.toThrow("secret");
  });
});
