import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Crc32c, Crc64Nvme, type Digest } from "./crc.ts";

/** The checksums that S3 keeps, and the one that an ETag may be. */
export type S3Algorithm = "crc64nvme" | "crc32c" | "crc32" | "sha256" | "sha1" | "md5";

export function newDigest(algorithm: S3Algorithm): Digest {
  if (algorithm === "crc32") return new Crc32();
  if (algorithm === "crc32c") return new Crc32c();
  if (algorithm === "crc64nvme") return new Crc64Nvme();
  return createHash(algorithm);
}

class Crc32 implements Digest {
  #value = 0;

  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }

  digest(): Uint8Array {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, this.#value);
    return bytes;
  }
}
