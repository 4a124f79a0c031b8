/**
 * The context that all resolvers of one request share. handler.ts creates one per request; nothing in it outlives the
 * request.
 */
import type { RouteContext } from "../../../routing/router.js";
import type { Caller } from "../../access/caller.js";
import type { RequestServices } from "../../guard/request-services.js";
import type { ListBudget } from "./list-budget.js";
import type { RequestLoaders } from "./loaders.js";
import type { Receipt } from "./receipt.js";

export interface GraphqlContext {
  readonly caller: Caller;
  /** The services, restricted to the caller. */
  readonly services: RequestServices;
  /** The request's deadline, and the signal that aborts when its client disconnects. */
  readonly route: RouteContext;
  /** Reads entries and figures for the request, each key and figure once. */
  readonly loaders: Pick<RequestLoaders, "read" | "readAhead" | "forget" | "shardFigures">;
  /** Bounds the list items of all resolvers together. */
  readonly lists: ListBudget;
  /** Null when the request asks for none, as most do. */
  readonly receipt: Receipt | null;
}
