/**
 * What a field at the top of an operation asks of the storage nodes, in keys and shards: declared beside its resolver with
 * `asking`, kept in the schema, and read from there when an operation is planned.
 */
import type { GraphQLField, GraphQLResolveInfo } from "graphql";
import type { GatewayBounds } from "../../../../core/bounds.js";
import type { GraphqlContext } from "../context.js";

export interface FieldDemand<Arguments> {
  /**
   * The keys that the resolver passes to `loaders.read`, for a field that asks for nothing else. A query of such fields
   * alone has all its keys read in one go. Each key costs 1.
   */
  readonly keys?: (args: Arguments) => readonly string[];
  /** In keys and shards, for a field without `keys`. 0 when the field will be refused without asking. */
  readonly cost?: (args: Arguments, facts: CostFacts) => number;
}

export interface CostFacts {
  readonly bounds: GatewayBounds;
  readonly shardCount: number;
  /** Whether the field's answer has a member of its member, for example `isSelected("pageInfo", "hasNextPage")`. */
  readonly isSelected: (member: string, inner: string) => boolean;
}

type Resolve<Parent, Arguments, Result> = (
  parent: Parent,
  args: Arguments,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
) => Result;

/** A resolver, as the schema takes it, with the demand of its field. */
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

/** The cost of a list; one that is longer than a field may have is refused whole by `checkBatchSize`. */
export function costOfBatch(items: readonly unknown[], { bounds }: Pick<CostFacts, "bounds">): number {
  return items.length <= bounds.batchKeys ? items.length : 0;
}

/** As `asking` declared it; null for a field that asks for nothing. */
export function demandOf({
  extensions,
}: Pick<GraphQLField<unknown, unknown>, "extensions">): FieldDemand<never> | null {
  return (extensions["shardgate"] as FieldDemand<never> | undefined) ?? null;
}
