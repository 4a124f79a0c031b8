/**
 * What a process proves itself with and whom it believes, as PEM text that is renewed while the process runs: short-lived
 * certificates are the norm. Where the text comes from is the business of cli/.
 */

/** A certificate, with those between it and its CA, and its private key. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface TlsMaterial {
  /** What a server shows to its clients; null: it speaks plain HTTP. */
  readonly server: TlsIdentity | null;
  /** What this process shows to the others of its cluster; null: nothing. */
  readonly cluster: TlsIdentity | null;
  /** The only CAs by which the others of the cluster are believed; null: those that Node.js trusts. */
  readonly clusterCa: string | null;
}

export interface TlsSource {
  /** The newest that is whole. Another object after each renewal, and only then. */
  readonly current: TlsMaterial;
  /** Calls `listener` after each renewal; returns the function that ends this. */
  onRenewal(listener: () => void): () => void;
}

/** Oldest version of the protocol that is spoken, by servers and by callers: RFC 8996 ends those before. */
export const tlsVersionMin = "TLSv1.2";

/** For processes that were given no certificates: plain HTTP, and https to whom Node.js trusts. */
export const noTls: TlsSource = {
  current: { server: null, cluster: null, clusterCa: null },
  onRenewal: () => () => {},
};

/** How the URL of a server with these certificates begins. */
export function schemeOf({ current }: TlsSource): "http" | "https" {
  return current.server === null ? "http" : "https";
}

/** How to call the others of the cluster, as `tls.connect` takes it: made of the current material, once per renewal. */
export function clusterCaller<Caller>(source: TlsSource, create: (options: CallerOptions) => Caller): () => Caller {
  let made: { readonly material: TlsMaterial; readonly caller: Caller } | null = null;
  return () => {
    const material = source.current;
    if (made?.material !== material) made = { material, caller: create(callerOptions(material)) };
    return made.caller;
  };
}

/** A part of `tls.ConnectionOptions`. The certificate of the other side is always verified. */
export interface CallerOptions extends Partial<TlsIdentity> {
  readonly minVersion: typeof tlsVersionMin;
  readonly ca?: string;
}

function callerOptions({ cluster, clusterCa }: TlsMaterial): CallerOptions {
  return { ...cluster, ...(clusterCa !== null && { ca: clusterCa }), minVersion: tlsVersionMin };
}
