/**
 * Does what is to be done once per turn of the event loop, all of it together. `setImmediate` and not a microtask: it runs
 * behind the sockets that are readable in this turn, so requests that arrived together leave together, and an idle gateway
 * loses nothing by it. One for all: each `setImmediate` has Node look for microtasks and ticks behind it.
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
