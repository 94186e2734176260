import { basename } from "node:path";
import { isHeadwaterError } from "../../lib/index.ts";
import type { Clone } from "../hydrate.ts";
import type { ReadableBlob, ServedBlob } from "../serve-http/index.ts";
import { UsageError } from "./exit-codes.ts";
import type { ServeRequest } from "./serve-request.ts";

/** A server that is open, and what clients are given to find it. */
export interface Door {
  readonly uri: string;
  readonly writable: boolean;
  close(): Promise<void>;
}

/** Opens what was asked for, all or none. */
export async function openDoors(clone: Clone, request: ServeRequest): Promise<readonly Door[]> {
  const doors: Door[] = [];
  try {
    if (request.nbd !== undefined) doors.push(await openNbd(clone, request));
    if (request.http !== undefined) doors.push(await openHttp(clone, request));
    return doors;
  } catch (error) {
    await closeDoors(doors);
    throw error;
  }
}

/** Resolves to the first error that closing one had, if any. */
export async function closeDoors(doors: readonly Door[]): Promise<unknown> {
  const closed = await Promise.allSettled(doors.map((door) => door.close()));
  return closed.find((result) => result.status === "rejected")?.reason;
}

/** @param what the blob, or what else there is to say of it. */
export async function openHttp(
  what: ReadableBlob | ServedBlob,
  request: ServeRequest,
): Promise<Door> {
  const { serveHttp } = await import("../serve-http/index.ts");
  const name = basename(request.file);
  const server = await asTyped(() => serveHttp({ [name]: what }, request.http));
  return { uri: server.url, writable: false, close: () => server.close() };
}

async function openNbd(clone: Clone, request: ServeRequest): Promise<Door> {
  const { nbd = {}, exportName, writable, tls, url, file } = request;
  const { serveNbd } = await import("../nbd/index.ts");
  const exports = { [exportName]: { clone, description: url?.pathname ?? file } };
  const options = { ...nbd, readOnly: !writable, ...(tls && { tls }) };
  const server = await asTyped(() => serveNbd(exports, options));
  return { uri: server.uriOf(exportName), writable, close: () => server.close() };
}

/** What was typed reached it as it was: a path that is too long, a port that is not ours. */
async function asTyped<Server>(open: () => Promise<Server>): Promise<Server> {
  try {
    return await open();
  } catch (error) {
    if (isHeadwaterError(error) || !(error instanceof Error)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}
