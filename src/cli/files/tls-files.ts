/**
 * Certificates and keys in watched files: to renew them, replace the files. New ones are used once they are complete
 * and match each other; until then the old ones stay in use.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import { noTls, type TlsIdentity, type TlsMaterial, type TlsSource } from "../../tls/tls-source.js";
import { readBounded } from "./bounded-file.js";
import { CommandFailure, failureText } from "../terminal/command-failure.js";
import { watchFiles } from "./file-watch.js";

/** Interval of checking the files of certificates and keys for changes. */
export const tlsFilesPollMs = 5_000;

/** Longest file of certificates or keys: several times the CAs that an operating system trusts. */
export const tlsFileBytesMax = 1024 * 1024;

export interface IdentityPaths {
  readonly cert: string;
  readonly key: string;
}

/** The files of a TlsMaterial. */
export interface TlsPaths {
  readonly server: IdentityPaths | null;
  readonly cluster: IdentityPaths | null;
  readonly clusterCa: string | null;
}

export interface TlsFilesParts {
  readonly paths: TlsPaths;
  readonly clock: Clock;
  readonly log: Log;
}

export class TlsFiles implements TlsSource {
  readonly #parts: TlsFilesParts;
  readonly #listeners = new Set<() => void>();
  #stop: () => Promise<void> = async () => {};
  #current: TlsMaterial = noTls.current;
  /** What is wrong with the newest files, and whether that has been reported. */
  #problem: string | null = null;
  #isReported = false;

  /** Throws CommandFailure, or the system's error; both name the unusable file. */
  static async open(parts: TlsFilesParts): Promise<TlsFiles> {
    const files = new TlsFiles(parts);
    files.#current = await readMaterial(parts.paths, parts.clock.nowMs());
    files.#logCertificates("TLS certificates were loaded.");
    files.#watch();
    return files;
  }

  private constructor(parts: TlsFilesParts) {
    this.#parts = parts;
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  onRenewal(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when no file is being read any more. */
  close(): Promise<void> {
    return this.#stop();
  }

  #watch(): void {
    const { server, cluster, clusterCa } = this.#parts.paths;
    const paths = [server?.cert, server?.key, cluster?.cert, cluster?.key, clusterCa].filter((path) => path != null);
    if (paths.length === 0) return;
    const { clock, log } = this.#parts;
    // The first check finds changes made while the files were being read.
    let isNew = true;
    const look = async (isChanged: boolean) => {
      if (isChanged || isNew || this.#problem !== null) await this.#look();
      isNew = false;
    };
    const watch = watchFiles(paths, look, { clock, log, pauseMs: tlsFilesPollMs });
    this.#stop = () => watch.stop();
  }

  async #look(): Promise<void> {
    const { paths, clock } = this.#parts;
    try {
      const newest = await readMaterial(paths, clock.nowMs(), this.#current);
      this.#problem = null;
      if (newest === this.#current) return;
      this.#current = newest;
      for (const listener of this.#listeners) listener();
      this.#logCertificates("Renewed TLS certificates were loaded.");
    } catch (error) {
      this.#report(failureText(error));
    }
  }

  /** Files are replaced one by one: a mismatch is reported only if it is still there at the next check. */
  #report(problem: string): void {
    if (problem !== this.#problem) this.#isReported = false;
    else if (!this.#isReported) {
      this.#isReported = true;
      this.#parts.log.error({ problem }, "New TLS certificates cannot be used; the old ones stay in use.");
    }
    this.#problem = problem;
  }

  #logCertificates(message: string): void {
    const { server, cluster } = this.#current;
    const identities = new Set([server, cluster].flatMap((identity) => identity?.cert ?? []));
    for (const cert of identities) {
      const { subjectAltName, validTo } = new X509Certificate(cert);
      this.#parts.log.info({ for: subjectAltName, until: new Date(validTo).toISOString() }, message);
    }
  }
}

/** The CA certificates in `file`, validated unless they are `known`. Throws as `TlsFiles.open` does. */
export async function readCa(file: string, nowMs: number, known: string | null = null): Promise<string> {
  const text = await readBounded(file, tlsFileBytesMax);
  if (text === known) return known;
  const certificates = (text.match(certificatePattern) ?? []).map((pem) => parsedCertificate(pem, file));
  if (certificates.length === 0) throw unusable(file, noCertificate);
  // Among several CAs, one is often expired.
  if (certificates.every(({ validTo }) => Date.parse(validTo) < nowMs)) throw unusable(file, "its CA has expired");
  contextWith({ ca: text }, file);
  return text;
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;
const noCertificate = "it contains no PEM certificate";

/** Returns `known` itself when the files have not changed. */
async function readMaterial(paths: TlsPaths, nowMs: number, known?: TlsMaterial): Promise<TlsMaterial> {
  const server = await readIdentity(paths.server, nowMs, known?.server);
  const isShared = paths.cluster === paths.server;
  const cluster = isShared ? server : await readIdentity(paths.cluster, nowMs, known?.cluster);
  const clusterCa = paths.clusterCa === null ? null : await readCa(paths.clusterCa, nowMs, known?.clusterCa);
  const isKnown = server === known?.server && cluster === known?.cluster && clusterCa === known?.clusterCa;
  return isKnown ? known : { server, cluster, clusterCa };
}

async function readIdentity(
  paths: IdentityPaths | null,
  nowMs: number,
  known: TlsIdentity | null = null,
): Promise<TlsIdentity | null> {
  if (paths === null) return null;
  const [cert, key] = [await readBounded(paths.cert, tlsFileBytesMax), await readBounded(paths.key, tlsFileBytesMax)];
  if (cert === known?.cert && key === known.key) return known;
  const certificate = parsedCertificate(cert, paths.cert);
  const { validFrom, validTo } = certificate;
  if (Date.parse(validTo) < nowMs) throw unusable(paths.cert, `its certificate expired at ${isoTime(validTo)}`);
  if (Date.parse(validFrom) > nowMs)
    throw unusable(paths.cert, `its certificate is not valid before ${isoTime(validFrom)}`);
  if (!certificate.checkPrivateKey(parsedKey(key, paths.key))) {
    throw unusable(paths.key, `it is not the private key of the certificate in ${paths.cert}`);
  }
  contextWith({ cert, key }, paths.cert);
  return { cert, key };
}

function parsedCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw unusable(file, noCertificate);
  }
}

function parsedKey(pem: string, file: string): KeyObject {
  if (/ENCRYPTED/.test(pem)) throw unusable(file, "its private key is encrypted; use an unencrypted key");
  try {
    return createPrivateKey(pem);
  } catch {
    throw unusable(file, "it contains no PEM private key");
  }
}

/** Reports what OpenSSL refuses: a key that is too short, or a broken certificate further down. */
function contextWith(material: { cert?: string; key?: string; ca?: string }, file: string): void {
  try {
    createSecureContext(material);
  } catch (error) {
    throw unusable(file, error instanceof Error ? error.message : String(error));
  }
}

function unusable(file: string, problem: string): CommandFailure {
  return new CommandFailure(`Cannot use ${file}: ${problem}.`);
}

function isoTime(text: string): string {
  return new Date(text).toISOString();
}
