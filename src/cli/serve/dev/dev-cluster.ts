/** The processes of `shardgate dev` together: started in the order in which they need each other, watched, and stopped. */
import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { drainTimeoutMs, stopMarginMs } from "../../../core/limits.js";
import type { Environment } from "../../environment/environment.js";
import { shellWord } from "../../environment/shell-word.js";
import { usualPlace } from "../../registry/registry-place.js";
import { Table } from "../../terminal/table.js";
import { keepInPostgres } from "./kept-engine.js";
import {
  callableOrigin,
  copyPlan,
  gatewayPlans,
  logFolder,
  nodePlans,
  postgresPlan,
  type DevOptions,
  type DevRegistry,
} from "./member-plans.js";
import { Member, type MemberKind, type MemberPlan } from "./member.js";
import { waitUntilReady } from "./ready-gateway.js";

export interface DevClusterParts {
  readonly options: DevOptions;
  /** The registry, and with `--engine postgres` the data, are in the PostgreSQL of the data folder. */
  readonly hasPostgres: boolean;
  readonly environment: Environment;
  /** Aborted when everything is to be stopped. */
  readonly signal: AbortSignal;
}

export class DevCluster {
  readonly #parts: DevClusterParts;
  readonly #members: Member[] = [];

  constructor(parts: DevClusterParts) {
    this.#parts = parts;
  }

  /** Starts everything and says so; rejects when one of the processes ends. */
  async start(): Promise<void> {
    const { options, environment, signal } = this.#parts;
    const registry = await this.#startRegistry();
    if (signal.aborted) return;
    const gateways = gatewayPlans(options, registry);
    // The first one alone makes the cluster map, and leads.
    const firstUrl = await this.#startAll(gateways.slice(0, 1));
    if (signal.aborted) return;
    const origins = [...firstUrl, ...(await this.#startAll(gateways.slice(1)))].map(callableOrigin);
    if (signal.aborted) return;
    const nodeUrls = await this.#startAll(nodePlans(options, origins, registry));
    if (signal.aborted) return;
    const registryUrls = registry.kind === "postgres" ? [registry.url] : [];
    environment.stdout.write(tableText(this.#ordered(), [...origins, ...nodeUrls, ...registryUrls]));
    environment.stdout.write(`logs in ${logFolder(options)}\n`);
    await this.#ready(origins);
    if (!signal.aborted) for (const origin of origins) environment.stdout.write(`ready ${origin}/graphql\n`);
  }

  /** Reports each process that ends until everything is stopped; resolves when all have ended. */
  async watch(): Promise<void> {
    await Promise.all(
      this.#members.map(async (member) => {
        const how = await member.exited;
        if (!this.#parts.signal.aborted) this.#report(member, how);
      }),
    );
  }

  /**
   * The gateways first, so that the requests they have accepted still find the storage nodes; the registry last, so that
   * a gateway can hand over the lead.
   */
  async stop(): Promise<void> {
    const timeoutMs = drainTimeoutMs + 2 * stopMarginMs;
    const { clock } = this.#parts.environment;
    for (const kind of ["gateway", "node", "registry"] as const) {
      await Promise.all(this.#of(kind).map((member) => member.stop(timeoutMs, clock)));
    }
  }

  async #startRegistry(): Promise<DevRegistry> {
    const { options, hasPostgres } = this.#parts;
    if (!hasPostgres) return options.registry === undefined ? { kind: "file" } : { kind: "url", url: options.registry };
    const url = await this.#start(postgresPlan(options));
    if (options.engine === "postgres") await keepInPostgres(options.data);
    if (existsSync(usualPlace(options.data).path) && !this.#parts.signal.aborted) await this.#bringRegistry(url);
    return { kind: "postgres", url };
  }

  /** The registry file of earlier starts with one gateway. It is renamed, because it is out of date from now on. */
  async #bringRegistry(url: string): Promise<void> {
    const { options, environment } = this.#parts;
    const copy = Member.start(copyPlan(options, url), environment);
    if ((await copy.exited) !== "exit code 0") return copy.endAsFailure();
    const file = usualPlace(options.data).path;
    await rename(file, `${file}.copied`);
    environment.stdout.write(`copied the registry from ${file}, now ${file}.copied, to PostgreSQL\n`);
  }

  #startAll(plans: readonly MemberPlan[]): Promise<readonly string[]> {
    return Promise.all(plans.map((plan) => this.#start(plan)));
  }

  /** Resolves to the URL on which it listens. */
  async #start(plan: MemberPlan): Promise<string> {
    const member = Member.start(plan, this.#parts.environment);
    this.#members.push(member);
    return Promise.race([member.listening, member.endAsFailure()]);
  }

  async #ready(origins: readonly string[]): Promise<void> {
    const { environment, signal } = this.#parts;
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const areReady = origins.map((origin) => {
      const onDelay = (reason: string) =>
        void environment.stderr.write(
          `not ready yet, still waiting; the logs may show why. The gateway at ${origin} reports: ${reason}\n`,
        );
      return waitUntilReady(origin, environment.clock, until, onDelay);
    });
    try {
      await Promise.race([Promise.all(areReady), ...this.#members.map((member) => member.endAsFailure())]);
    } finally {
      over.abort();
    }
  }

  #report({ plan }: Member, how: string): void {
    const { stderr, programName } = this.#parts.environment;
    const again = [programName, ...plan.args.map(shellWord)].join(" ");
    stderr.write(`${plan.name} ended (${how}); the other processes keep running. To start it again:\n  ${again}\n`);
  }

  /** In the order of display: gateways, storage nodes, registry. */
  #ordered(): readonly Member[] {
    return [...this.#of("gateway"), ...this.#of("node"), ...this.#of("registry")];
  }

  #of(kind: MemberKind): readonly Member[] {
    return this.#members.filter(({ plan }) => plan.kind === kind);
  }
}

/** Name, process id, URL and role of each member, in columns. */
function tableText(members: readonly Member[], urls: readonly string[]): string {
  const table = new Table([{ title: "name" }, { title: "pid" }, { title: "url" }, { title: "what it is" }]);
  return table.text(
    members.map(({ plan, pid }, index) => [plan.name, String(pid), urls[index] ?? null, plan.role] as const),
  );
}
