/** Plays one scenario under load, and says what is wrong afterwards. */
import { ClientLoad } from "../gateways/client-load.js";
import { eventually } from "../support/processes.js";
import type { Scenario, Stage } from "./scenarios.js";

export interface PlayShape {
  readonly seed: number;
  /** Of each client, between two requests. */
  readonly pauseMs: number;
  /** How many operations have to be checked. */
  readonly operationsMin: number;
}

export interface Played {
  readonly complaints: readonly string[];
  /** How long after the fault every key concerned was written again, in milliseconds; null where the scenario does not measure it. */
  readonly servedMs: number | null;
  readonly figures: ClientLoad["figures"];
}

export async function play(
  scenario: Scenario,
  stage: Omit<Stage, "load" | "onServed">,
  { seed, pauseMs, operationsMin }: PlayShape,
): Promise<Played> {
  const { group } = stage;
  const gateways = group.gatewayNames.map((name) => ({ name, origin: group.origin(name) }));
  const { shardCount } = group;
  const prefix = `${scenario.title} ${seed}`;
  const load = new ClientLoad({ seed, prefix, pauseMs, gateways, shardCount, shardsWithKeys: shardCount });
  let servedMs: number | null = null;
  try {
    if (scenario.isHarmless !== true) for (const name of group.gatewayNames) load.excuse(name);
    await scenario.run({ ...stage, load, onServed: (ms) => (servedMs = ms) });
    // Clients see the time after the fault, too, and enough of it that the run was a test of something.
    await group.ready();
    await eventually(() => {
      const { operations, acknowledgedWrites } = load.figures;
      const isEnough = operations >= operationsMin && acknowledgedWrites >= operationsMin / 10;
      if (!isEnough) throw new Error(`${operations} operations, ${acknowledgedWrites} acknowledged writes.`);
    }, 60_000);
  } finally {
    await load.stop();
  }
  return { complaints: await load.complaints(), servedMs, figures: load.figures };
}
