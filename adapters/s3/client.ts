import type { SecureContextOptions } from "node:tls";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { HeadwaterError } from "../../lib/index.ts";
import type { HttpTlsOptions } from "../http/index.ts";
import { inTime } from "./in-time.ts";
import type { S3Options } from "./options.ts";
import { loadSdk, type Sdk } from "./sdk.ts";

/** The SDK with a client that is ready to be used. */
export interface Connection {
  readonly sdk: Sdk;
  readonly client: S3Client;
  /** Lets go of the client, if it was made here. */
  close(): void;
}

/** @throws {HeadwaterError} `SOURCE_FAILED` where the SDK, or a region, is not to be found. */
export async function connect(options: S3Options, signal?: AbortSignal): Promise<Connection> {
  const sdk = await loadSdk();
  signal?.throwIfAborted();
  if (options.client !== undefined) {
    return { sdk, client: options.client as unknown as S3Client, close: () => {} };
  }
  const client = await makeClient(sdk, options);
  return { sdk, client, close: () => client.destroy() };
}

async function makeClient(sdk: Sdk, options: S3Options): Promise<S3Client> {
  const config = configOf(options);
  const client = new sdk.S3Client(config);
  if (options.region !== undefined) return client;
  try {
    await inTime("the region", client.config.region());
    return client;
  } catch (error) {
    client.destroy();
    if (isElsewhere(options)) return new sdk.S3Client({ ...config, region: "us-east-1" });
    const message = "no AWS region is set: give the `region` option, or set AWS_REGION";
    throw new HeadwaterError("SOURCE_FAILED", message, { cause: error });
  }
}

function configOf(options: S3Options): S3ClientConfig {
  const { region, endpoint, credentials, anonymous = false, http = {} } = options;
  const { pathStyle = isElsewhere(options) } = options;
  const { connectTimeoutMs = 10_000, headersTimeoutMs = 30_000 } = http;
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: String(endpoint) }),
    ...(credentials === undefined ? {} : { credentials }),
    // Nothing is signed with them, and the SDK looks for no others.
    ...(anonymous && { credentials: NOBODY, signer: { sign: async (request) => request } }),
    // Stores other than Amazon's do not know the newer checksums.
    ...(isElsewhere(options) && {
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    }),
    forcePathStyle: pathStyle,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: headersTimeoutMs,
      throwOnRequestTimeout: true,
      ...(http.tls === undefined ? {} : { httpsAgent: { keepAlive: true, ...tlsOf(http.tls) } }),
    },
  };
}

/** As Node's agents want it. */
function tlsOf({ ca, cert, key, passphrase }: HttpTlsOptions): SecureContextOptions {
  return {
    ...(ca === undefined ? {} : { ca: asPem(ca) }),
    ...(cert === undefined ? {} : { cert: asPem(cert) }),
    ...(key === undefined ? {} : { key: asPem(key) }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

function asPem(given: string | Uint8Array | readonly (string | Uint8Array)[]): string[] {
  const all = typeof given === "string" || given instanceof Uint8Array ? [given] : given;
  return all.map((one) => (typeof one === "string" ? one : Buffer.from(one).toString()));
}

/** Whether requests go to a store that was named, and not to Amazon's. */
function isElsewhere({ endpoint }: S3Options): boolean {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  return (endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL) !== undefined;
}

const NOBODY = { accessKeyId: "anonymous", secretAccessKey: "anonymous" } as const;
