import { fileURLToPath } from "node:url";
import { FileStore } from "./file-store.ts";
import type { HttpStoreOptions } from "./http-store.ts";
import type { ObjectSource } from "./store.ts";

/** Where a replica is. */
export interface ReplicaOrigin {
  /** Without what may be secret, as the store names itself. */
  readonly name: string;
  /** Whether the store is opened for each device, and closed with it. */
  readonly isOurs: boolean;
  store(): Promise<ObjectSource>;
}

/**
 * @param replica a `file:`, `http:` or `https:` URL, or a store that its owner closes.
 * @throws {TypeError} for a URL of another kind.
 */
export function replicaOrigin(
  replica: string | URL | ObjectSource,
  http: HttpStoreOptions = {},
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
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const message = `no store for ${url.protocol} URLs; file:, http: and https: are known`;
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
