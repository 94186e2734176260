import { fileURLToPath } from "node:url";
import type { S3ObjectsOptions } from "../s3/index.ts";
import { FileStore } from "./file-store.ts";
import type { HttpStoreOptions } from "./http-store.ts";
import { parseS3ReplicaUrl } from "./s3-url.ts";
import type { ObjectSource } from "./store.ts";

/** Where a replica is. */
export interface ReplicaOrigin {
  /** Without what may be secret, as the store names itself. */
  readonly name: string;
  /** Whether the store is opened for each device, and closed with it. */
  readonly isOurs: boolean;
  store(): Promise<ObjectSource>;
}

/** How replicas are read, by where they are. */
export interface ReplicaAccess {
  /** For replicas on a web server. */
  http?: HttpStoreOptions;
  /** For replicas in S3, and in stores like it. */
  s3?: S3ObjectsOptions;
}

/**
 * @param replica a `file:`, `http:`, `https:` or `s3:` URL, or a store that its owner closes.
 * @throws {TypeError} for a URL of another kind.
 */
export function replicaOrigin(
  replica: string | URL | ObjectSource,
  { http = {}, s3 = {} }: ReplicaAccess = {},
): ReplicaOrigin {
  if (typeof replica === "object" && !(replica instanceof URL)) {
    return { name: replica.name, isOurs: false, store: () => Promise.resolve(replica) };
  }
  const text = String(replica);
  if (!URL.canParse(text)) throw new TypeError(`not a URL: ${text.replace(/[?#].*$/s, "")}`);
  const url = new URL(text);
  if (url.protocol === "file:") {
    const path = fileURLToPath(url);
    const { name } = new FileStore(path);
    return { name, isOurs: true, store: () => Promise.resolve(new FileStore(path)) };
  }
  if (url.protocol === "s3:") return s3Origin(url, s3);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const message = `no store for ${url.protocol} URLs; file:, http:, https: and s3: are known`;
    throw new TypeError(message);
  }
  return {
    name: `${url.origin}${url.pathname}`.replace(/\/+$/, ""),
    isOurs: true,
    store: async () => {
      const { HttpStore } = await import("./http-store.ts"); // which brings undici along
      return new HttpStore(url, http);
    },
  };
}

function s3Origin(given: URL, s3: S3ObjectsOptions): ReplicaOrigin {
  const { name, url, options } = parseS3ReplicaUrl(given);
  return {
    name,
    isOurs: true,
    store: async () => {
      const { S3Store } = await import("./s3-store.ts");
      return new S3Store(url, { ...options, ...s3 });
    },
  };
}
