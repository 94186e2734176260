import type { HttpSigned } from "../http/index.ts";
import { nameOf, type S3Address } from "./address.ts";
import type { Connection } from "./client.ts";
import { getObjectInput, signedHeaders } from "./object-request.ts";
import type { S3ObjectsOptions } from "./options.ts";
import { Signer } from "./signer.ts";

/** Signed URLs of so many objects are kept. */
const MOST_SIGNERS = 1000;

/** Signs the URLs of all objects below a root. */
export class Signers {
  readonly #connection: Connection;
  readonly #root: S3Address;
  readonly #options: S3ObjectsOptions;
  readonly #signers = new Map<string, Signer>();

  constructor(connection: Connection, root: S3Address, options: S3ObjectsOptions) {
    this.#connection = connection;
    this.#root = root;
    this.#options = options;
  }

  /** @param key from the root on. */
  sign(key: string, refused?: URL): Promise<HttpSigned> {
    let signer = this.#signers.get(key);
    if (signer === undefined) {
      signer = this.#signerOf(key);
      this.#signers.set(key, signer);
      const [oldest] = this.#signers.keys();
      if (this.#signers.size > MOST_SIGNERS && oldest !== undefined) this.#signers.delete(oldest);
    }
    return signer.sign(refused);
  }

  #signerOf(key: string): Signer {
    const { signedForSeconds = 900, anonymous = false } = this.#options;
    const object = { bucket: this.#root.bucket, key: this.#root.key + key };
    return new Signer({
      connection: this.#connection,
      input: getObjectInput(object, this.#options),
      headers: signedHeaders(this.#options),
      name: nameOf(object),
      signedForSeconds,
      anonymous,
    });
  }
}
