/**
 * Makes X.509 certificates (RFC 5280) with nothing but node:crypto, so that the tests need neither an openssl program nor
 * files that expire: ECDSA on P-256, in PEM, valid from 2020 to 2120 unless a test wants otherwise.
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIP } from "node:net";

export interface CertificateWish {
  /** Host names and addresses it is for. None: a certificate for nobody. */
  readonly hosts?: readonly string[];
  readonly validFrom?: string;
  readonly validTo?: string;
}

/** What a process is given, in PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

export class CertificateAuthority {
  /** Its own certificate, PEM. */
  readonly cert: string;
  readonly #name: Buffer;
  readonly #keys = keyPair();

  constructor(name = "Test CA", wish: CertificateWish = {}) {
    this.#name = nameOf(name);
    const extensions = [extension("551d13", true, sequence(der(0x01, Buffer.of(0xff))))];
    this.cert = this.#signed({ subject: this.#name, publicKey: this.#keys.publicKey, extensions, wish });
  }

  /** A certificate for both ends of a connection. */
  issue(wish: CertificateWish = { hosts: ["127.0.0.1", "localhost"] }): Certified {
    const { publicKey, privateKey } = keyPair();
    const names = (wish.hosts ?? []).map((host) =>
      isIP(host) === 0 ? der(0x82, Buffer.from(host)) : der(0x87, addressBytes(host)),
    );
    const uses = [objectId("2b06010505070301"), objectId("2b06010505070302")];
    const extensions = [extension("551d11", false, sequence(...names)), extension("551d25", false, sequence(...uses))];
    const subject = nameOf(wish.hosts?.[0] ?? "nobody");
    return { cert: this.#signed({ subject, publicKey, extensions, wish }), key: pemOf(privateKey) };
  }

  #signed({ subject, publicKey, extensions, wish }: Unsigned): string {
    const { validFrom = "20200101000000Z", validTo = "21200101000000Z" } = wish;
    const serial = Buffer.concat([Buffer.of(1), randomBytes(8)]);
    const content = sequence(
      der(0xa0, der(0x02, Buffer.of(2))),
      der(0x02, serial),
      ecdsaWithSha256,
      this.#name,
      sequence(der(0x18, Buffer.from(validFrom)), der(0x18, Buffer.from(validTo))),
      subject,
      publicKey.export({ type: "spki", format: "der" }),
      der(0xa3, sequence(...extensions)),
    );
    const signature = sign("sha256", content, this.#keys.privateKey);
    const bytes = sequence(content, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.of(0), signature])));
    const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  }
}

interface Unsigned {
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly wish: CertificateWish;
}

const ecdsaWithSha256 = sequence(objectId("2a8648ce3d040302"));

function keyPair() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId("550403"), der(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der(0x01, Buffer.of(0xff))] : [];
  return sequence(objectId(id), ...critical, der(0x04, value));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** Tag, length and content (X.690). */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

/** IPv4, or ::1, which is all that loopback has. */
function addressBytes(address: string): Buffer {
  return address === "::1"
    ? Buffer.concat([Buffer.alloc(15), Buffer.of(1)])
    : Buffer.from(address.split(".").map(Number));
}
