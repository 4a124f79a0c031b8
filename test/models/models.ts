/** All models with their variants, in the order in which a newcomer would read them. */
import { assignmentsVariants } from "./assignments.js";
import { expiryVariants } from "./expiry.js";
import { feedVariants } from "./feed.js";
import { identityVariants } from "./identity.js";
import { leaderVariants } from "./leader.js";
import { leaseVariants } from "./lease.js";
import { moveVariants } from "./move.js";
import { reconcilerVariants } from "./reconciler.js";
import { takeoverVariants } from "./takeover.js";
import type { Variant } from "./variant.js";

export interface SubjectModel {
  /** The subject of the model. */
  readonly subject: string;
  readonly variants: readonly Variant[];
}

export const models: readonly SubjectModel[] = [
  { subject: "claims, fences and takeovers in one store", variants: takeoverVariants },
  { subject: "assignments that reach the workers of one node", variants: assignmentsVariants },
  { subject: "assignments that are sent until the node has them", variants: reconcilerVariants },
  { subject: "stores, starts and a registry that was put back", variants: identityVariants },
  { subject: "moves of shards without entries", variants: moveVariants },
  { subject: "entries that expire", variants: expiryVariants },
  { subject: "the change feed", variants: feedVariants },
  { subject: "the gateway that leads", variants: leaderVariants },
  { subject: "the lead as the code takes, keeps and loses it", variants: leaseVariants },
];
