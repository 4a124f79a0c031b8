import { describe, expect, it } from "vitest";
import type { EtcdAnswer } from "../../../../src/registry/stores/etcd/etcd-client.js";
import { encoded, EtcdKeys } from "../../../../src/registry/stores/etcd/etcd-keys.js";

/** Keys over a client that gives these answers, one after the other, and the bodies of its calls. */
function answering(...answers: readonly EtcdAnswer[]): { readonly keys: EtcdKeys; readonly bodies: object[] } {
  const bodies: object[] = [];
  const rest = [...answers];
  const call = async (_path: string, body: object): Promise<EtcdAnswer> => {
    bodies.push(body);
    return rest.shift() ?? {};
  };
  return { keys: new EtcdKeys({ call }), bodies };
}

const stored = (key: string, value: string) => ({ key: encoded(key), value: encoded(value), mod_revision: "7" });

describe("EtcdKeys", () => {
  it("takes what an answer leaves out for nothing", async () => {
    const { keys } = answering({}, {}, { responses: [{}] });
    expect(await keys.getAll(["a"])).toEqual([null]);
    expect(await keys.commit([], [])).toBe(false);
    expect(await keys.getAll(["a", "b"])).toEqual([null, null]);
  });

  it("reads an empty value, which an answer leaves out", async () => {
    const found = { key: encoded("a"), mod_revision: "7" };
    const { keys } = answering({ responses: [{ response_range: { kvs: [found] } }] });
    expect(await keys.getAll(["a"])).toEqual([{ key: "a", value: "", modRevision: "7" }]);
  });

  it("reads the pages of a range at one revision", async () => {
    const { keys, bodies } = answering(
      { header: { revision: "9" }, kvs: [stored("a", "1")], more: true },
      { header: { revision: "11" }, kvs: [stored("b", "2")] },
    );
    expect((await keys.range("a", "c", 1)).map(({ value }) => value)).toEqual(["1", "2"]);
    expect(bodies[1]).toMatchObject({ key: encoded("a\0"), revision: "9", limit: "1" });
  });

  it("refuses a range without its revision, which the next page would need", async () => {
    const { keys } = answering({ kvs: [] });
    await expect(keys.range("a", "c", 1)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  });

  it("tells writes apart by their revision and by the cluster, which is another after a restore", async () => {
    const { keys } = answering(
      { header: { cluster_id: "1" }, kvs: [stored("a", "x")] },
      { header: { cluster_id: "2" }, kvs: [stored("a", "x")] },
      { header: { cluster_id: "1" } },
      {},
    );
    const marks = [];
    for (let read = 0; read < 4; read++) marks.push(await keys.lastWrite("a"));
    expect(new Set(marks).size).toBe(4);
  });
});
