/** Several gateways, their storage nodes and the server of their registry, each a process that can be hurt. */
import { GatewayGroup } from "../gateways/gateway-group.js";
import { startPostgres, type RegistryEngine } from "../gateways/registry-engine.js";
import type { Fault } from "./fault-plan.js";
import type { FaultyProcesses, FaultyShape } from "./faulty-cluster.js";

const registry = "registry";

export class FaultyGroup implements FaultyProcesses {
  readonly #group: GatewayGroup;
  readonly #engine: RegistryEngine;

  static async start({ workers, ...shape }: FaultyShape & { readonly gateways: number }): Promise<FaultyGroup> {
    const engine = await startPostgres();
    const gatewayArgs = ["--workers", String(workers)];
    return new FaultyGroup(await GatewayGroup.start({ ...shape, engine, gatewayArgs }), engine);
  }

  private constructor(group: GatewayGroup, engine: RegistryEngine) {
    this.#group = group;
    this.#engine = engine;
  }

  get origins(): readonly string[] {
    return this.#group.gatewayNames.map((name) => this.#group.origin(name));
  }

  get processes(): readonly string[] {
    return [...this.#group.gatewayNames, ...this.#group.nodeNames, registry];
  }

  async begin({ kind, process }: Fault): Promise<void> {
    if (process === registry) return this.#beginAtRegistry(kind);
    const run = this.#group.run(process);
    if (kind === "pause") run.child.kill("SIGSTOP");
    else await run.stop(kind === "kill" ? "SIGKILL" : "SIGTERM");
  }

  async end({ kind, process }: Fault): Promise<void> {
    if (process === registry) await (kind === "pause" ? this.#engine.goOn() : this.#engine.restart());
    else if (kind === "pause") this.#group.run(process).child.kill("SIGCONT");
    else this.#group.start(process);
  }

  ready(): Promise<void> {
    return this.#group.ready();
  }

  async stop(): Promise<void> {
    await this.#group.stop();
    await this.#engine.goOn().catch(() => undefined);
    await this.#engine.stop();
  }

  #beginAtRegistry(kind: Fault["kind"]): Promise<void> {
    if (kind === "pause") return this.#engine.pause();
    return kind === "kill" ? this.#engine.kill() : this.#engine.stop();
  }
}
