import { checkCount } from "../../lib/index.ts";
import type { HttpOptions } from "../http/index.ts";

/** An `S3Client` of @aws-sdk/client-s3, version 3. Its owner destroys it. */
export interface S3ClientLike {
  readonly config: object;
  send(command: never, options?: never): Promise<unknown>;
  destroy(): void;
}

/** Keys for S3, as the SDK takes them. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** From then on they are asked for anew, where a function gives them. */
  readonly expiration?: Date;
}

/** How requests go over the wire: all of the HTTP source's options that make sense here. */
export type S3HttpOptions = Omit<
  HttpOptions,
  "headers" | "sign" | "name" | "explain" | "wholePass" | "allowUnvalidated"
>;

export interface S3Options {
  /** Excludes the options that say how one is made: from `region` to `anonymous`. */
  client?: S3ClientLike;
  /** Default: what AWS_REGION or the profile says; us-east-1 at an endpoint of one's own. */
  region?: string;
  /** Of a store other than Amazon's. Default: what AWS_ENDPOINT_URL_S3 or the profile says. */
  endpoint?: string | URL;
  /** The bucket in the path and not in the host. Default: where an endpoint was given. */
  pathStyle?: boolean;
  /** Default: what the SDK finds, in the environment, profiles, or the machine's own role. */
  credentials?: S3Credentials | (() => Promise<S3Credentials>);
  /** Signs nothing: for public buckets. Default false. */
  anonymous?: boolean;
  /** This version of the object. Default: the newest, which is then pinned by its ETag. */
  versionId?: string;
  /** Agrees to pay for the requests, for buckets that want it. Default false. */
  requesterPays?: boolean;
  /** Of an object that is encrypted with a key of one's own (SSE-C): 32 bytes. */
  customerKey?: Uint8Array;
  /**
   * What brings the bytes: "http" by signed URLs over the HTTP source, "sdk" by the SDK, which takes
   * two to four times the processor time. Default "http".
   */
  transport?: "http" | "sdk";
  /** For how long a URL is signed. It is signed anew in time. Default 900, at most 604800. */
  signedForSeconds?: number;
  http?: S3HttpOptions;
}

/** For many objects in one bucket. */
export interface S3ObjectsOptions extends Omit<S3Options, "versionId" | "transport"> {
  /** Objects in one part of a listing. Default 1000, which is the most that S3 gives. */
  listingSize?: number;
}

const MOST_SIGNED_SECONDS = 604_800;

/** @throws {TypeError | RangeError} when an option makes no sense. */
export function checkOptions(options: S3Options): S3Options {
  const { client, transport = "http", customerKey, endpoint, signedForSeconds } = options;
  const { region, pathStyle, credentials, anonymous = false } = options;
  const making = { region, endpoint, pathStyle, credentials, anonymous: anonymous || undefined };
  for (const [name, value] of Object.entries(making)) {
    if (client !== undefined && value !== undefined) {
      throw new TypeError(`client and ${name} exclude each other: give it to the client`);
    }
  }
  if (anonymous && credentials !== undefined) {
    throw new TypeError("anonymous and credentials exclude each other");
  }
  if (transport !== "http" && transport !== "sdk") {
    throw new TypeError(`transport is ${transport}; it must be "http" or "sdk"`);
  }
  if (customerKey !== undefined && customerKey.length !== 32) {
    throw new RangeError(`customerKey has ${customerKey.length} bytes; it must have 32`);
  }
  if (endpoint !== undefined && !/^https?:\/\/./.test(String(endpoint))) {
    throw new TypeError("endpoint is not an HTTP URL");
  }
  if (checkCount("signedForSeconds", signedForSeconds ?? 900) > MOST_SIGNED_SECONDS) {
    const most = `at most ${MOST_SIGNED_SECONDS}, which are seven days`;
    throw new RangeError(`signedForSeconds is ${signedForSeconds}; it must be ${most}`);
  }
  return options;
}
