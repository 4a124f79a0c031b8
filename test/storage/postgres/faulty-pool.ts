/** A PrimaryPool whose commits and calls fail as a test says: the twin of a database that loses replies and fails over. */
import { PostgresFailure } from "../../../src/postgres/postgres-failure.js";
import { PrimaryPool, type PrimaryPoolOptions } from "../../../src/postgres/primary-pool.js";
import { patientCallMs } from "../../postgres/pools.js";

export class PoolFaults {
  /** What becomes of each commit from now on. */
  fate: "happens" | "happens, reply lost" | "is lost" = "happens";
  /** A call that began before a fail-over fails without having changed anything. */
  failovers = 0;
}

type Transaction = PrimaryPool["transaction"];

export class FaultyPool extends PrimaryPool {
  readonly #faults: PoolFaults;

  constructor(options: PrimaryPoolOptions, faults: PoolFaults) {
    super({ ...options, callMs: patientCallMs });
    this.#faults = faults;
  }

  override async run(...call: Parameters<PrimaryPool["run"]>): ReturnType<PrimaryPool["run"]> {
    const began = this.#faults.failovers;
    const rows = await super.run(...call);
    this.#refuseAfterFailover(began);
    return rows;
  }

  override async transaction<Result>(
    connection: Parameters<Transaction>[0],
    mode: Parameters<Transaction>[1],
    work: Parameters<typeof PrimaryPool.prototype.transaction<Result>>[2],
  ): Promise<Result> {
    const began = this.#faults.failovers;
    let isLost = false;
    try {
      const result = await super.transaction(connection, mode, async (query) => {
        const result = await work(query);
        this.#refuseAfterFailover(began);
        isLost = mode === "write" && this.#faults.fate === "is lost";
        if (isLost) throw lost();
        return result;
      });
      if (mode === "write" && this.#faults.fate === "happens, reply lost") throw lost();
      return result;
    } catch (error) {
      throw isLost ? lost() : error;
    }
  }

  #refuseAfterFailover(began: number): void {
    if (began === this.#faults.failovers) return;
    throw new PostgresFailure("the server failed over", { outcome: "nothing", sqlState: "XX000" });
  }
}

function lost(): PostgresFailure {
  return new PostgresFailure("the reply to COMMIT was lost", { outcome: "unknown" });
}
