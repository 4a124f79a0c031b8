/**
 * The keys and shards that a top-level field reads from storage nodes: declared beside its resolver with `asking`, kept
 * in the schema, and read from there when an operation is planned.
 */
import type { GraphQLField, GraphQLResolveInfo } from "graphql";
import type { GatewayBounds } from "../../../../core/bounds.js";
import type { GraphqlContext } from "../context.js";

export interface FieldDemand<Arguments> {
  /**
   * The keys that the resolver passes to `loaders.read`, for a field that reads nothing else. When all fields of a
   * query are like that, all keys are read in one batch. Each key costs 1.
   */
  readonly keys?: (args: Arguments) => readonly string[];
  /** The cost in keys and shards, for a field without `keys`. 0 when the field will be refused without reading. */
  readonly cost?: (args: Arguments, facts: CostFacts) => number;
}

export interface CostFacts {
  readonly bounds: GatewayBounds;
  readonly shardCount: number;
  /**
   * Whether the field's selection contains `inner` within `member`, for example `isSelected("pageInfo",
   * "hasNextPage")`.
   */
  readonly isSelected: (member: string, inner: string) => boolean;
}

type Resolve<Parent, Arguments, Result> = (
  parent: Parent,
  args: Arguments,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
) => Result;

/** A resolver, in the form that the schema takes, with the demand of its field. */
export interface DemandingResolver<Parent, Arguments, Result> {
  readonly resolve: Resolve<Parent, Arguments, Result>;
  readonly extensions: { readonly shardgate: FieldDemand<Arguments> };
}

export function asking<Parent, Arguments, Result>(
  demand: FieldDemand<Arguments>,
  resolve: Resolve<Parent, Arguments, Result>,
): DemandingResolver<Parent, Arguments, Result> {
  return { resolve, extensions: { shardgate: demand } };
}

/** The cost of a list; 0 for a list that `checkBatchSize` will refuse as a whole because it is too long. */
export function costOfBatch(items: readonly unknown[], { bounds }: Pick<CostFacts, "bounds">): number {
  return items.length <= bounds.batchKeys ? items.length : 0;
}

/** The demand that `asking` declared; null for a field without one. */
export function demandOf({
  extensions,
}: Pick<GraphQLField<unknown, unknown>, "extensions">): FieldDemand<never> | null {
  return (extensions["shardgate"] as FieldDemand<never> | undefined) ?? null;
}
