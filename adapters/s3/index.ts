import type { GetObjectCommandInput } from "@aws-sdk/client-s3";
import { isHeadwaterError, type SourceDevice, type SourceOpener } from "../../lib/index.ts";
import { http, parseIdentity } from "../http/index.ts";
import { checkInUrl, nameOf, parseS3Address, type S3Address } from "./address.ts";
import { connect } from "./client.ts";
import { explain } from "./explain.ts";
import { getObjectInput, signedHeaders } from "./object-request.ts";
import { openBySdk } from "./open-sdk.ts";
import { checkOptions, type S3Options } from "./options.ts";
import { Signer } from "./signer.ts";

export type { S3Address } from "./address.ts";
export type { S3Algorithm } from "./digests.ts";
export { type S3Listing, type S3Object, S3Objects, type S3PutOptions } from "./objects.ts";
export type {
  S3ClientLike,
  S3Credentials,
  S3HttpOptions,
  S3ObjectsOptions,
  S3Options,
} from "./options.ts";
export { type S3Verdict, type S3VerifyOptions, verifyByChecksum } from "./verify.ts";

/**
 * An object in S3, or in a store that speaks its language. Opening it is one GET, which brings the
 * beginning of the object along; opening what is known is none.
 *
 * The packages @aws-sdk/client-s3 and @aws-sdk/s3-request-presigner have to be installed.
 *
 * @param address `s3://bucket/key` with the key as it is, a URL with it percent-encoded, or both
 *   apart.
 * @throws {TypeError | RangeError} when the address or an option makes no sense.
 */
export function s3(address: string | URL | S3Address, options: S3Options = {}): SourceOpener {
  const object = parseS3Address(address);
  if (object.key === "") throw new TypeError("the S3 URL names a bucket and no object in it");
  checkOptions(options);
  const name = nameOf(object, options.versionId);
  const input = getObjectInput(object, options);
  const { transport = "http" } = options;
  if (transport === "http") checkInUrl(object.key);
  const open = transport === "http" ? openSigned : openBySdk;
  return {
    open: (opening = {}) => open(input, name, options, opening),
    recognizes: (identity) => {
      try {
        return parseIdentity(identity).name === name;
      } catch (error) {
        if (isHeadwaterError(error, "CORRUPT")) return false;
        throw error;
      }
    },
  };
}

async function openSigned(
  input: GetObjectCommandInput,
  name: string,
  options: S3Options,
  opening: NonNullable<Parameters<SourceOpener["open"]>[0]>,
): Promise<SourceDevice> {
  const { signedForSeconds = 900, anonymous = false } = options;
  const connection = await connect(options, opening.signal);
  const headers = signedHeaders(options);
  const signer = new Signer({ connection, input, headers, name, signedForSeconds, anonymous });
  const { url } = await signer.sign();
  const source = http(url, {
    ...options.http,
    name,
    explain,
    sign: ({ refused }) => signer.sign(refused),
  });
  return source.open(opening);
}
