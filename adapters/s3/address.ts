/** Where an object is; or, with a `/` or nothing at the end of its key, what lies below it. */
export interface S3Address {
  /** Its name, or the ARN of an access point. */
  readonly bucket: string;
  readonly key: string;
}

/**
 * @param given `s3://bucket/key`, where the key stands as it is, or a URL, whose path is
 *   percent-encoded.
 * @throws {TypeError} when it names no bucket.
 */
export function parseS3Address(given: string | URL | S3Address): S3Address {
  if (typeof given === "object" && !(given instanceof URL)) return checkAddress(given);
  if (given instanceof URL && (given.search !== "" || given.hash !== "")) {
    throw new TypeError("an S3 URL has no query: give the version in the versionId option");
  }
  const [, bucket, key = ""] = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(String(given)) ?? [];
  if (bucket === undefined) throw new TypeError("an S3 URL is written s3://bucket/key");
  return checkAddress({ bucket, key: given instanceof URL ? decoded(key) : key });
}

/**
 * How an object is told to people and kept in an identity. The endpoint is no part of it: there may
 * be many ways to one bucket.
 */
export function nameOf({ bucket, key }: S3Address, versionId?: string): string {
  const version = versionId === undefined ? "" : `?versionId=${encodeURIComponent(versionId)}`;
  return `s3://${encodeURIComponent(bucket)}/${encodeKey(key)}${version}`;
}

/** As it stands in a URL. */
export function encodeKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}

/** @throws {TypeError} when the key has a part that every URL would lose. */
export function checkInUrl(key: string): void {
  if (!/(^|\/)\.{1,2}(\/|$)/.test(key)) return;
  throw new TypeError('no URL can have a key with the part "." or "..": set transport to "sdk"');
}

function checkAddress({ bucket, key }: S3Address): S3Address {
  if (typeof bucket !== "string" || bucket === "") throw new TypeError("the S3 URL has no bucket");
  if (typeof key !== "string") throw new TypeError("the key is no string");
  return { bucket, key };
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch (error) {
    throw new TypeError("the S3 URL is not percent-encoded UTF-8", { cause: error });
  }
}
