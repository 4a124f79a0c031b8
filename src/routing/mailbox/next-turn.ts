/**
 * Runs tasks once per turn of the event loop, all of them together. It uses `setImmediate` and not a microtask: that
 * runs after all sockets that are readable in this turn, so requests that arrive together leave together, and an idle
 * gateway loses no time. All mailboxes share one `setImmediate`, because Node drains microtasks and ticks after each.
 */
export class NextTurn {
  #planned: (() => void)[] = [];
  readonly #run = (): void => {
    const planned = this.#planned;
    this.#planned = [];
    for (const task of planned) task();
  };

  plan(task: () => void): void {
    if (this.#planned.push(task) === 1) setImmediate(this.#run);
  }
}
