import type { GetObjectCommandInput } from "@aws-sdk/client-s3";
import type { HttpHeaders, HttpSigned } from "../http/index.ts";
import type { Connection } from "./client.ts";
import { sdkFailure } from "./failures.ts";
import { inTime } from "./in-time.ts";

export interface SignerOptions {
  readonly connection: Connection;
  readonly input: GetObjectCommandInput;
  /** Sent with the URL. */
  readonly headers: HttpHeaders;
  /** For messages. */
  readonly name: string;
  readonly signedForSeconds: number;
  readonly anonymous: boolean;
}

interface SignedUrl {
  readonly url: URL;
  /** Milliseconds since 1970. */
  readonly signedMs: number;
  readonly expiresMs: number;
}

/**
 * Signs the URL of an object, and gives the same one again for three quarters of the time that it
 * is good: a signature costs about ten milliseconds of the processor.
 */
export class Signer {
  readonly #options: SignerOptions;
  #signed: SignedUrl | undefined;
  #signing: Promise<SignedUrl> | undefined;

  constructor(options: SignerOptions) {
    this.#options = options;
  }

  /** @param refused a URL that it gave and that the store no longer takes. */
  async sign(refused?: URL): Promise<HttpSigned> {
    const { headers } = this.#options;
    const signed = this.#signed;
    if (signed !== undefined && signed.url !== refused && isFresh(signed)) {
      return { url: signed.url, headers };
    }
    // Many requests may find out at once that it is no longer good.
    this.#signing ??= this.#signAnew(refused !== undefined).finally(() => {
      this.#signing = undefined;
    });
    const { url } = await this.#signing;
    return { url, headers };
  }

  async #signAnew(wasRefused: boolean): Promise<SignedUrl> {
    const { connection, input, name, signedForSeconds, anonymous } = this.#options;
    const { sdk, client } = connection;
    try {
      // The credentials may have expired too, and not said when they would.
      const asking = client.config.credentials({ forceRefresh: wasRefused });
      const { expiration } = await inTime("the AWS credentials", asking);
      const signedMs = Date.now();
      const command = new sdk.GetObjectCommand(input);
      const text = await sdk.getSignedUrl(client, command, { expiresIn: signedForSeconds });
      const lastsMs = signedMs + signedForSeconds * 1000;
      const expiresMs = Math.min(lastsMs, expiration?.getTime() ?? lastsMs);
      const url = new URL(text);
      if (anonymous) removeSignature(url);
      this.#signed = { url, signedMs, expiresMs };
      return this.#signed;
    } catch (error) {
      throw sdkFailure(error, name);
    }
  }
}

function isFresh({ signedMs, expiresMs }: SignedUrl): boolean {
  const now = Date.now();
  return now >= signedMs && now < signedMs + (expiresMs - signedMs) * 0.75;
}

function removeSignature(url: URL): void {
  for (const name of [...url.searchParams.keys()]) {
    if (/^x-amz-(?!request-payer)/i.test(name)) url.searchParams.delete(name);
  }
}
