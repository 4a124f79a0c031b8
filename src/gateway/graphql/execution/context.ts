/** What every resolver of one request works with. Made per request in handler.ts; nothing in it outlives the request. */
import type { RouteContext } from "../../../routing/router.js";
import type { Caller } from "../../access/caller.js";
import type { RequestServices } from "../../guard/request-services.js";
import type { ListBudget } from "./list-budget.js";
import type { RequestLoaders } from "./loaders.js";
import type { Receipt } from "./receipt.js";

export interface GraphqlContext {
  readonly caller: Caller;
  /** As the caller may use them. */
  readonly services: RequestServices;
  /** The request's deadline, and the signal that aborts when its client disconnects. */
  readonly route: RouteContext;
  /** What it reads; each key and figure once. */
  readonly loaders: Pick<RequestLoaders, "read" | "readAhead" | "forget" | "shardFigures">;
  /** What every resolver of a list pays from. */
  readonly lists: ListBudget;
  /** Null for the many requests that ask for none. */
  readonly receipt: Receipt | null;
}
