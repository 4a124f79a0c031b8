/**
 * Which of its two roles a gateway has, one after the other: the old one is stopped, with all its work in flight,
 * before the next one starts. In between the gateway has no role. What the roles do is in cluster-leader.ts and
 * followed-leader.ts.
 */
import type { Log } from "../../../core/log.js";
import { SharedRun } from "../../../core/tasks/shared-run.js";
import type { ClusterLeader } from "../leader/cluster-leader.js";
import type { FollowedLeader } from "./followed-leader.js";

interface Lifetime {
  start(): void;
  /** From now on the role changes nothing, although its work may not have ended. */
  end(): void;
  /** Resolves when its work has ended. */
  stop(): Promise<void>;
}

export type MemberRole = Lifetime &
  (
    | { readonly isLeading: true; readonly leader: ClusterLeader }
    | { readonly isLeading: false; readonly followed: FollowedLeader }
  );

export interface MemberRolesParts {
  /** Whether this gateway has the lead now. */
  readonly isLeading: () => boolean;
  readonly lead: () => MemberRole;
  readonly follow: () => MemberRole;
  /** This gateway does not want to lead any more, and its leader has stopped. */
  readonly giveUp: () => Promise<void>;
  /** A role has ended or begun. */
  readonly onChange: () => void;
  readonly log: Log;
}

export class MemberRoles {
  readonly #parts: MemberRolesParts;
  readonly #reviews = new SharedRun(() => this.#review());
  #role: MemberRole | null;
  /** The current role has ended, whatever the next one is. */
  #isOver = false;
  #isStarted = false;
  /** This gateway has stopped leading, whatever the registry says. */
  #isRetired = false;
  #isStopped = false;

  constructor(parts: MemberRolesParts) {
    this.#parts = parts;
    this.#role = parts.isLeading() ? parts.lead() : parts.follow();
  }

  /** Null while one ends and the next one has not begun. */
  get current(): MemberRole | null {
    return this.#isOver ? null : this.#role;
  }

  start(): void {
    this.#isStarted = true;
    this.#role?.start();
  }

  /**
   * The lead is lost: the current leader can change nothing any more, also when this gateway takes the lead again at
   * once.
   */
  lost(): void {
    if (this.#role?.isLeading !== true) return;
    this.#isOver = true;
    this.#role.end();
  }

  /** Resolves when this gateway has the role that the registry gives it. */
  review(): Promise<void> {
    return this.#reviews.next();
  }

  /** Gives up the lead, after the leader has ended its work in order, and follows from then on. */
  retire(): Promise<void> {
    this.#isRetired = true;
    return this.review();
  }

  /** Resolves when no role is left. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.review();
  }

  async #review(): Promise<void> {
    for (let role = this.#role; role !== null && this.#isToEnd(role); role = this.#role) {
      this.#isOver = true;
      this.#parts.onChange();
      await this.#ended(role);
      this.#role = this.#nextRole();
      this.#isOver = false;
      this.#parts.onChange();
      if (this.#isStarted) this.#role?.start();
    }
  }

  #isToEnd({ isLeading }: MemberRole): boolean {
    return this.#isStopped || this.#isOver || isLeading !== this.#isToLead;
  }

  #nextRole(): MemberRole | null {
    if (this.#isStopped) return null;
    return this.#isToLead ? this.#parts.lead() : this.#parts.follow();
  }

  get #isToLead(): boolean {
    return this.#parts.isLeading() && !this.#isRetired;
  }

  async #ended(role: MemberRole): Promise<void> {
    const { giveUp, log } = this.#parts;
    try {
      await role.stop();
      if (role.isLeading && this.#isRetired) await giveUp();
    } catch (error) {
      log.error({ err: error }, "A role of this gateway did not end cleanly; this is a bug, please report `err`.");
    }
    role.end();
  }
}
