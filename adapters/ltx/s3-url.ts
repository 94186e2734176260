import type { S3ObjectsOptions } from "../s3/index.ts";

/** Where a replica in S3 is, as Litestream writes it. */
export interface S3ReplicaUrl {
  /** As the store itself will be called. */
  readonly name: string;
  /** Without the query. */
  readonly url: URL;
  readonly options: Pick<S3ObjectsOptions, "endpoint" | "region" | "pathStyle">;
}

/**
 * Reads `s3://bucket/path?endpoint=…&region=…&forcePathStyle=…`, which Litestream's own URLs may be
 * (https://litestream.io/reference/config/#s3-replica).
 *
 * @throws {TypeError} for a query that says something else.
 */
export function parseS3ReplicaUrl(given: URL): S3ReplicaUrl {
  const options: { endpoint?: string; region?: string; pathStyle?: boolean } = {};
  for (const [name, value] of given.searchParams) {
    if (name === "endpoint") options.endpoint = withScheme(value);
    else if (name === "region") options.region = value;
    else if (/^force-?path-?style$/i.test(name)) options.pathStyle = value === "true";
    else
      throw new TypeError(`an s3: URL says endpoint, region and forcePathStyle, and not ${name}`);
  }
  const url = new URL(given);
  url.search = "";
  const path = url.pathname.split("/").map((part) => encodeURIComponent(decodeURIComponent(part)));
  const name = `s3://${url.host}${path.join("/")}`.replace(/\/+$/, "");
  return { name, url, options };
}

/** A host without a scheme speaks TLS, unless it is this machine. */
function withScheme(endpoint: string): string {
  if (/^https?:\/\//.test(endpoint)) return endpoint;
  const isHere = /^(localhost|127\.|\[::1\])/.test(endpoint);
  return `${isHere ? "http" : "https"}://${endpoint}`;
}
