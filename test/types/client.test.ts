/** What the compiler knows of the client: this file is checked by `tsc`, and would not compile if a type were wrong. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as v from "valibot";
import { describe, expectTypeOf, it } from "vitest";
import * as z from "zod";
import {
  createClient,
  orThrow,
  valueOf,
  type Client,
  type Conflict,
  type Deleted,
  type DeleteOutcome,
  type Entry,
  type Found,
  type GetOutcome,
  type InferInput,
  type InferOutput,
  type PutOutcome,
  type ShardgateOutcomeError,
  type StandardSchema,
  type Unavailable,
  type Unknown,
  type Written,
} from "../../src/client/index.js";
import type {
  ProblemCode,
  ResolversUnionTypes,
  ShardState,
  StorageNodeState,
} from "../../src/gateway/graphql/generated/resolver-types.js";

interface User {
  readonly name: string;
  readonly role: "admin" | "guest";
}

/** Nothing is sent in this file: its functions are compiled, and never called. */
const options = { endpoint: "http://127.0.0.1:9/graphql" };
const event = z.object({ name: z.string(), at: z.string().transform((text) => new Date(text)) });
type EventIn = { name: string; at: string };
type EventOut = { name: string; at: Date };
const point = v.object({ x: v.number(), y: v.optional(v.number(), 0) });
const handWritten: StandardSchema<string, URL> = {
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: new URL(String(value)) }) },
};

describe("the type of a client", () => {
  it("has unknown values without a schema", () => {
    expectTypeOf(createClient(options)).toEqualTypeOf<Client<unknown, unknown>>();
    expectTypeOf(createClient(options).get).returns.resolves.toEqualTypeOf<GetOutcome<unknown>>();
  });

  it("has the values that the caller declares", () => {
    const client = createClient<User>(options);
    expectTypeOf(client).toEqualTypeOf<Client<User, User>>();
    void (() => {
      void client.put("a", { name: "Ada", role: "admin" });
      // @ts-expect-error -- there is no such role
      void client.put("a", { name: "Ada", role: "root" });
      // @ts-expect-error -- the name is missing
      void client.putMany([{ key: "a", value: { role: "admin" } }]);
      // @ts-expect-error -- fn must return a user
      void client.update("a", () => 1);
      void client.update("a", (user) => {
        expectTypeOf(user).toEqualTypeOf<User | undefined>();
        return { name: user?.name ?? "", role: "guest" };
      });
    });
  });

  it("is inferred from a schema of any library", () => {
    expectTypeOf(createClient({ ...options, schema: event })).toEqualTypeOf<Client<EventOut, EventIn>>();
    type PointIn = { x: number; y?: number | undefined };
    expectTypeOf(createClient({ ...options, schema: point })).toEqualTypeOf<
      Client<{ x: number; y: number }, PointIn>
    >();
    expectTypeOf(createClient({ ...options, schema: handWritten })).toEqualTypeOf<Client<URL, string>>();
    // @ts-expect-error -- not a schema
    void (() => createClient({ ...options, schema: { parse: () => 1 } }));
  });

  it("does not fit a client of other values", () => {
    expectTypeOf<Client<User>>().not.toExtend<Client<{ other: number }>>();
    expectTypeOf<Client<User>>().not.toExtend<Client<User, string>>();
  });

  it("infers the types of each call", () => {
    void (async () => {
      const client = createClient({ ...options, schema: event });
      expectTypeOf(await client.get("a")).toEqualTypeOf<GetOutcome<EventOut>>();
      expectTypeOf(await client.getMany(["a"])).toEqualTypeOf<GetOutcome<EventOut>[]>();
      expectTypeOf(await client.put("a", { name: "", at: "" })).toEqualTypeOf<PutOutcome<EventOut, EventIn>>();
      expectTypeOf(await client.putMany([])).toEqualTypeOf<PutOutcome<EventOut, EventIn>[]>();
      expectTypeOf(await client.delete("a")).toEqualTypeOf<DeleteOutcome<EventOut>>();
      expectTypeOf(await client.deleteMany(["a", { key: "b" }])).toEqualTypeOf<DeleteOutcome<EventOut>[]>();
      expectTypeOf(await client.update("a", (now) => ({ name: "", at: String(now?.at) }))).toEqualTypeOf<
        PutOutcome<EventOut, EventIn>
      >();
      for await (const entry of client.scan()) expectTypeOf(entry).toEqualTypeOf<Entry<EventOut>>();
    });
  });

  it("uses the schema of a call in place of its own", () => {
    void (async () => {
      const client = createClient<User>(options);
      const schema = handWritten;
      const { signal } = new AbortController();
      expectTypeOf(await client.get("a", { schema, signal })).toEqualTypeOf<GetOutcome<URL>>();
      expectTypeOf(await client.getMany(["a"], { schema })).toEqualTypeOf<GetOutcome<URL>[]>();
      expectTypeOf(await client.put("a", "http://a", { schema })).toEqualTypeOf<PutOutcome<URL, string>>();
      expectTypeOf(await client.putMany([{ key: "a", value: "http://a" }], { schema })).toEqualTypeOf<
        PutOutcome<URL, string>[]
      >();
      expectTypeOf(await client.delete("a", { schema })).toEqualTypeOf<DeleteOutcome<URL>>();
      expectTypeOf(await client.deleteMany(["a"], { schema })).toEqualTypeOf<DeleteOutcome<URL>[]>();
      expectTypeOf(await client.update("a", (url) => `${url?.host}`, { schema })).toEqualTypeOf<
        PutOutcome<URL, string>
      >();
      for await (const { value } of client.scan({ schema })) expectTypeOf(value).toEqualTypeOf<URL>();
      // @ts-expect-error -- the schema takes strings
      void client.put("a", 1, { schema });
    });
  });

  it("refuses two conditions or expiries in one", () => {
    void (() => {
      const client = createClient(options);
      // @ts-expect-error -- a condition that is false says nothing
      void client.put("a", 1, { condition: { ifAbsent: false } });
      // @ts-expect-error -- milliseconds are no option
      void client.put("a", 1, { expiry: { ttlMs: 5 } });
    });
  });
});

describe("the type of an outcome", () => {
  it("is narrowed by its kind", () => {
    void ((outcome: GetOutcome<User>) => {
      switch (outcome.kind) {
        case "found":
          expectTypeOf(outcome.value).toEqualTypeOf<User>();
          return outcome.version;
        case "unavailable":
          expectTypeOf(outcome).toEqualTypeOf<Unavailable>();
          return outcome.shard;
        case "mismatch":
          return outcome.issues;
        case "notFound":
        case "invalidKey":
        case "forbidden":
        case "refused":
          return outcome.code;
        default:
          return expectTypeOf(outcome).toBeNever();
      }
    });
    type Kind<O extends { kind: string }> = O["kind"];
    expectTypeOf<Extract<PutOutcome<User>, { kind: "conflict" }>>().toEqualTypeOf<Conflict<User>>();
    expectTypeOf<Kind<GetOutcome<User>>>().not.toExtend<"unknown">();
  });

  it("has the members of the schema's unions", () => {
    type Kinds = {
      Entry: "found";
      PutSuccess: "written";
      DeleteSuccess: "deleted";
      KeyNotFound: "notFound";
      InvalidKey: "invalidKey";
      InvalidValue: "invalidValue";
      ExpiryPassed: "expiryPassed";
      Forbidden: "forbidden";
      NotSupported: "notSupported";
      ShardUnavailable: "unavailable";
      OutcomeUnknown: "unknown";
      VersionConflict: "conflict";
    };
    type Unions = ResolversUnionTypes<{ readonly [Name in keyof Kinds]: never }>;
    expectTypeOf<keyof Unions>().toEqualTypeOf<"GetResult" | "PutResult" | "DeleteResult">();
    type Own = "mismatch" | "refused";
    // The gateway keeps no type name with a stored entry.
    type KindOf<Member> = Member extends { __typename: infer Name extends keyof Kinds } ? Kinds[Name] : Kinds["Entry"];
    expectTypeOf<Exclude<PutOutcome<User>["kind"], Own>>().toEqualTypeOf<KindOf<Unions["PutResult"]>>();
    expectTypeOf<Exclude<DeleteOutcome<User>["kind"], Own>>().toEqualTypeOf<KindOf<Unions["DeleteResult"]>>();
    expectTypeOf<Exclude<GetOutcome<User>["kind"], Own>>().toEqualTypeOf<KindOf<Unions["GetResult"]>>();
  });

  it("has the schema's codes and states", () => {
    type Coded = Exclude<GetOutcome<1> | PutOutcome<1> | DeleteOutcome<1>, { kind: "refused" | "mismatch" }>;
    expectTypeOf<Extract<Coded, { code: string }>["code"]>().toEqualTypeOf<ProblemCode>();
    type Shard = Awaited<ReturnType<Client["shardFor"]>>;
    expectTypeOf<Shard["state"]>().toEqualTypeOf<ShardState>();
    expectTypeOf<NonNullable<Shard["primary"]>["state"]>().toEqualTypeOf<StorageNodeState>();
  });

  it("is unwrapped with its type", () => {
    void ((get: GetOutcome<User>, put: PutOutcome<User, string>, deletion: DeleteOutcome<User>) => {
      expectTypeOf(valueOf(get)).toEqualTypeOf<User | undefined>();
      expectTypeOf(orThrow(get)).toEqualTypeOf<Found<User>>();
      expectTypeOf(orThrow(put)).toEqualTypeOf<Written<string>>();
      expectTypeOf(orThrow(deletion)).toEqualTypeOf<Deleted>();
    });
    expectTypeOf<ShardgateOutcomeError["outcome"]>().not.toExtend<{ kind: "found" | "written" | "deleted" }>();
    expectTypeOf<Unknown>().toExtend<ShardgateOutcomeError["outcome"]>();
  });
});

describe("the copy of Standard Schema", () => {
  it("fits the published types", () => {
    expectTypeOf<StandardSchemaV1<string, URL>>().toExtend<StandardSchema<string, URL>>();
    expectTypeOf<StandardSchema<string, URL>>().toExtend<StandardSchemaV1<string, URL>>();
    expectTypeOf<InferInput<typeof event>>().toEqualTypeOf<StandardSchemaV1.InferInput<typeof event>>();
    expectTypeOf<InferOutput<typeof event>>().toEqualTypeOf<StandardSchemaV1.InferOutput<typeof event>>();
    expectTypeOf<InferInput<typeof point>>().toEqualTypeOf<StandardSchemaV1.InferInput<typeof point>>();
  });
});
