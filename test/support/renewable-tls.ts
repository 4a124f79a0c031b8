/** A source of certificates that a test renews by hand. */
import type { TlsMaterial, TlsSource } from "../../src/tls/tls-source.js";

export class RenewableTls implements TlsSource {
  readonly listeners = new Set<() => void>();
  #current: TlsMaterial;

  constructor(material: Partial<TlsMaterial>) {
    this.#current = { server: null, cluster: null, clusterCa: null, ...material };
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  onRenewal(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  renew(material: Partial<TlsMaterial>): void {
    this.#current = { ...this.#current, ...material };
    for (const listener of this.listeners) listener();
  }
}
