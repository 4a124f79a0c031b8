import { afterEach, describe, expect, it } from "vitest";
import { leadAlone } from "../../../src/registry/lease/sole-lead.js";
import { documentOf } from "../../../src/registry/stored-cluster-map.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { after, byHand, takeLead } from "../map-samples.js";
import { openGateway, SharedStore, type TestGateway } from "../shared-store.js";

const shared = new SharedStore();
let gateway: TestGateway;

async function openAlone(): Promise<() => void> {
  shared.current = new SharedStore().current;
  gateway = await openGateway(shared, { name: "gw-1", base: new FakeClock() });
  return leadAlone(gateway.registry, gateway.log);
}

/** As a person does who puts another file in place of the registry's. */
async function replaceStored(version: number): Promise<void> {
  const map = { ...gateway.registry.map, version: version - 1, nodes: new Map(), leader: null };
  await shared.current.compareAndSet(await shared.current.load(), documentOf(after(map, takeLead("l-9"))), null);
}

afterEach(() => gateway.registry.close());

describe("the lead of a gateway that has its registry for itself", () => {
  it.each([2, 3, 9])(
    "comes back when version %i of the map, put there by a person, names another leader",
    async (version) => {
      await openAlone();
      await gateway.registry.execute(byHand("a"));
      await replaceStored(version);
      await gateway.registry.refresh();
      await settle();
      expect(gateway.turns).toEqual([true, false, true]);
      expect((await gateway.registry.execute(byHand("b"))).nodes.has("b")).toBe(true);
      expect(gateway.log.lines.at(-1)).toMatchObject({
        level: "warn",
        message: expect.stringContaining("leads again"),
      });
    },
  );

  it("is refused when somebody else is faster", async () => {
    shared.current = new SharedStore().current;
    gateway = await openGateway(shared, { name: "gw-1", base: new FakeClock() });
    shared.current.injectFault("raceIsLost");
    await expect(leadAlone(gateway.registry, gateway.log)).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
  });

  it.each(["writeFails", "raceIsLost"] as const)(
    "is missed, and the log says so, when it cannot be taken again: %s",
    async (fault) => {
      await openAlone();
      await replaceStored(9);
      shared.current.injectFault(fault);
      await gateway.registry.refresh();
      await settle();
      expect(gateway.registry.isLeading).toBe(false);
      expect(gateway.log.lines.at(-1)?.message).toMatch(/could not take the lead again.*estart this gateway\.$/);
    },
  );

  it("is not taken again once that has ended", async () => {
    const stop = await openAlone();
    stop();
    await replaceStored(9);
    await gateway.registry.refresh();
    await settle();
    expect(gateway.turns).toEqual([true, false]);
  });
});
