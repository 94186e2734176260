import type { S3Options } from "../../adapters/s3/index.ts";
import { Bucket } from "./bucket.ts";
import { type FaultyProxy, startFaultyProxy } from "./faulty-proxy.ts";
import type { S3Server } from "./server.ts";
import { startSwift } from "./swift.ts";

/** A bucket in Swift, seen directly and through a proxy that can be told what to answer. */
export interface ProxiedBucket {
  readonly server: S3Server;
  readonly bucket: Bucket;
  readonly proxy: FaultyProxy;
  readonly direct: S3Options;
  readonly options: S3Options;
  /** The proxy passes everything on again, and has seen nothing. To be called before each test. */
  begin(): void;
  stop(): Promise<void>;
}

/** Undefined, and said why, where Swift is not installed. */
export async function startProxiedBucket(name: string): Promise<ProxiedBucket | undefined> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
  const swift = await startSwift();
  if (swift === undefined) return undefined;
  const proxy = await startFaultyProxy(swift.endpoint);
  const direct = { endpoint: swift.endpoint, credentials: swift.credentials };
  return {
    server: swift,
    bucket: await new Bucket(swift, name).create(),
    proxy,
    direct,
    options: { ...direct, endpoint: proxy.url },
    begin: () => {
      proxy.requests.length = 0;
      proxy.answer = () => undefined;
    },
    stop: async () => {
      await proxy.close();
      await swift.stop();
    },
  };
}
