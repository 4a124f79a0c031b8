/** What can happen to several gateways and their registry: each scenario hurts them while clients go on, and mends them. */
import { eventually } from "../support/processes.js";
import type { GatewayGroup } from "./gateway-group.js";
import type { GroupLoad } from "./group-load.js";
import type { RegistryEngine, RewoundEngine } from "./registry-engine.js";

export interface Stage {
  readonly group: GatewayGroup;
  readonly load: GroupLoad;
  readonly engine: RegistryEngine;
  /** How long an outage lasts that has no end by itself. */
  readonly outageMs: number;
  /** Hears how long after the death of the leader a change of the map was acknowledged. */
  readonly onTakeover: (ms: number) => void;
}

export interface Scenario<Engine extends RegistryEngine = RegistryEngine> {
  readonly title: string;
  /** The registry's log loses changes, which are then missing from histories. */
  readonly losesHistory?: boolean;
  readonly run: (stage: Stage & { readonly engine: Engine }) => Promise<void>;
}

/** Shorter than followers wait for the leader's beat. */
const shortMs = 2_000;

export const scenarios: readonly Scenario[] = [
  {
    title: "when the one that leads is killed",
    async run(stage) {
      const { leader, others } = await roles(stage);
      stage.load.excuse(leader);
      await stage.group.run(leader).stop("SIGKILL");
      stage.onTakeover(
        await others.reduce(async (most, name) => Math.max(await most, await changed(stage, name)), zero),
      );
      stage.group.start(leader);
    },
  },
  {
    title: "when one that follows is killed",
    async run({ group, load }) {
      const [follower = ""] = (await roles({ group })).others;
      load.excuse(follower);
      await group.run(follower).stop("SIGKILL");
      await allChange(load, [follower]);
      group.start(follower);
    },
  },
  {
    title: "when the one that leads is suspended for less than others wait",
    async run({ group, load }) {
      const { leader } = await roles({ group });
      load.excuse(leader);
      await standStill(group, leader, () => lasting(shortMs));
      await allChange(load);
    },
  },
  {
    title: "when the one that leads is suspended until another leads, and both are then asked for changes",
    async run({ group, load }) {
      const { leader, others } = await roles({ group });
      load.excuse(leader);
      await standStill(group, leader, () => otherLeads(group, others));
      await allChange(load);
    },
  },
  {
    title: "when one that follows is suspended",
    async run({ group, load, outageMs }) {
      const [follower = ""] = (await roles({ group })).others;
      load.excuse(follower);
      await standStill(group, follower, () => lasting(outageMs));
      await allChange(load);
    },
  },
  {
    title: "when the registry is suspended",
    async run({ load, engine, outageMs }) {
      await engine.pause();
      await lasting(outageMs).finally(() => engine.goOn());
      await allChange(load);
    },
  },
  {
    title: "when the registry is killed",
    async run({ load, engine, outageMs }) {
      await engine.kill();
      await lasting(outageMs);
      await engine.restart();
      await allChange(load);
    },
  },
  {
    title: "when the one that leads is cut off from the registry",
    async run({ group, load }) {
      const { leader, others } = await roles({ group });
      await cut([group.lineToRegistry(leader)], async () => {
        await otherLeads(group, others);
        await allChange(load, [leader]);
      });
      await allChange(load);
    },
  },
  {
    title: "when one that follows is cut off from the registry",
    async run({ group, load, outageMs }) {
      const { leader, others } = await roles({ group });
      const [follower = ""] = others;
      await cut([group.lineToRegistry(follower)], async () => {
        await lasting(outageMs);
        await load.changer(leader).acknowledgesOne();
      });
      await allChange(load);
    },
  },
  {
    title: "when the one that leads is cut off from the storage nodes, which others reach",
    async run({ group, load, outageMs }) {
      const { leader } = await roles({ group });
      load.excuse(leader);
      const lines = group.nodeNames.map((node) => group.line(leader, node));
      await cut(lines, () => lasting(outageMs));
      await allChange(load);
    },
  },
  {
    title: "when the one that leads is cut off from the other gateways",
    async run({ group, load, outageMs }) {
      const { leader, others } = await roles({ group });
      const lines = others.flatMap((other) => [group.line(leader, other), group.line(other, leader)]);
      await cut(lines, async () => {
        await lasting(outageMs);
        await load.changer(leader).acknowledgesOne();
      });
      await allChange(load);
    },
  },
  {
    title: "when the one that leads is reached by the registry alone",
    async run({ group, load }) {
      const { leader, others } = await roles({ group });
      load.excuse(leader);
      await cut(group.linesToAll(leader), async () => {
        await otherLeads(group, others);
        await allChange(load, [leader]);
      });
      await allChange(load);
    },
  },
];

export const rewindings: readonly Scenario<RewoundEngine>[] = [
  {
    title: "when the registry falls back to an older copy, while the same gateway leads",
    losesHistory: true,
    async run({ load, engine }) {
      await engine.keepCopy();
      await allChange(load);
      await engine.fallBack();
      await allChange(load);
    },
  },
  {
    title: "when the registry falls back to an older copy, and the one that led is dead",
    losesHistory: true,
    async run(stage) {
      const { group, load, engine } = stage;
      const { leader, others } = await roles(stage);
      await engine.keepCopy();
      await allChange(load);
      // No shard is served until every storage node has registered again.
      for (const name of group.gatewayNames) load.excuse(name);
      await group.run(leader).stop("SIGKILL");
      await engine.fallBack();
      await otherLeads(group, others);
      await allChange(load, [leader]);
      group.start(leader);
    },
  },
];

const zero = Promise.resolve(0);

async function roles({ group }: Pick<Stage, "group">) {
  const leader = await eventually(() => group.leader());
  return { leader, others: group.gatewayNames.filter((name) => name !== leader) };
}

/** How long it takes until a change through this gateway is acknowledged. */
function changed({ load }: Stage, gateway: string): Promise<number> {
  return load.changer(gateway).acknowledgesOne();
}

/** Waits until a change was acknowledged through every gateway, save these. */
async function allChange(load: GroupLoad, without: readonly string[] = []): Promise<void> {
  const asked = [...load.changers].filter(([gateway]) => !without.includes(gateway));
  await Promise.all(asked.map(([, changer]) => changer.acknowledgesOne()));
}

async function otherLeads(group: GatewayGroup, others: readonly string[]): Promise<void> {
  await eventually(() => group.leader(others), 60_000);
}

async function standStill(group: GatewayGroup, gateway: string, meanwhile: () => Promise<void>): Promise<void> {
  const { child } = group.run(gateway);
  child.kill("SIGSTOP");
  await meanwhile().finally(() => child.kill("SIGCONT"));
}

async function cut(lines: readonly { cut(): void; mend(): void }[], meanwhile: () => Promise<void>): Promise<void> {
  for (const line of lines) line.cut();
  await meanwhile().finally(() => {
    for (const line of lines) line.mend();
  });
}

/** The length of a fault, which nothing but its time ends. */
function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
