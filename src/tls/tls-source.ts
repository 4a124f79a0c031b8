/**
 * The certificates that a process presents and the CAs that it trusts, as PEM text that is renewed while the process
 * runs, because short-lived certificates are common. cli/ decides where the text comes from.
 */

/** A certificate with its intermediate certificates, and its private key. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface TlsMaterial {
  /** What a server presents to its clients; null: the server uses plain HTTP. */
  readonly server: TlsIdentity | null;
  /** What this process presents to other processes of its cluster; null: nothing. */
  readonly cluster: TlsIdentity | null;
  /** The only CAs that are trusted for other processes of the cluster; null: those that Node.js trusts. */
  readonly clusterCa: string | null;
}

export interface TlsSource {
  /** The newest valid material. The object is replaced exactly when the material is renewed. */
  readonly current: TlsMaterial;
  /** Calls `listener` after each renewal. Returns the function that removes the listener. */
  onRenewal(listener: () => void): () => void;
}

/** The oldest accepted version of TLS, for servers and callers: RFC 8996 deprecates the earlier ones. */
export const tlsVersionMin = "TLSv1.2";

/** For processes without certificates: plain HTTP as a server, and https to servers that Node.js trusts. */
export const noTls: TlsSource = {
  current: { server: null, cluster: null, clusterCa: null },
  onRenewal: () => () => {},
};

/** The scheme of URLs of a server with these certificates. */
export function schemeOf({ current }: TlsSource): "http" | "https" {
  return current.server === null ? "http" : "https";
}

/**
 * Returns a function that creates the caller for other processes of the cluster from the current material, once per
 * renewal.
 */
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
