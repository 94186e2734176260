import { once } from "node:events";
import { lstat, unlink } from "node:fs/promises";
import { connect, type ListenOptions, type Server } from "node:net";
import { HeadwaterError } from "../../lib/index.ts";

/** Where a server can be reached: one of the two. */
export interface NbdAddress {
  /** The path of a Unix socket. */
  readonly unix?: string;
  /** Of TCP. 0 is any that is free. */
  readonly port?: number;
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string;
}

/** What the name of a Unix socket may take, in bytes, on every system. */
const UNIX_PATH_LIMIT = 103;

/**
 * @throws {TypeError} when there is no address, or it cannot be one.
 * @throws {HeadwaterError} `LOCKED` when somebody listens there; `EXISTS` when the path is not that
 *   of a socket.
 */
export async function listen(server: Server, address: NbdAddress): Promise<void> {
  const { unix, port, host = "127.0.0.1" } = address;
  if ((unix === undefined) === (port === undefined)) {
    throw new TypeError("say either a `unix` path or a `port`");
  }
  if (unix === undefined) {
    await listenAt(server, { port, host }, `${host}:${port}`);
    return;
  }
  if (unix === "" || Buffer.byteLength(unix) > UNIX_PATH_LIMIT) {
    throw new TypeError(`a socket's path has 1 to ${UNIX_PATH_LIMIT} bytes: "${unix}"`);
  }
  try {
    await listenAt(server, { path: unix }, unix);
  } catch (error) {
    if (!(await isLeftBehind(unix, error))) throw error;
    await unlink(unix);
    await listenAt(server, { path: unix }, unix);
  }
}

async function listenAt(server: Server, where: ListenOptions, shown: string): Promise<void> {
  server.listen(where);
  try {
    await once(server, "listening");
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE")) throw error;
    const message = `${shown} is in use by another server`;
    throw new HeadwaterError("LOCKED", message, { cause: error });
  }
}

/** Whether the path is the socket of a server that has ended without removing it. */
async function isLeftBehind(path: string, error: unknown): Promise<boolean> {
  if (!(error instanceof HeadwaterError)) return false;
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) {
    throw new HeadwaterError("EXISTS", `${path} is not a socket`, { cause: error });
  }
  const probe = connect(path);
  try {
    await once(probe, "connect");
    return false;
  } catch (refusal) {
    return hasCode(refusal, "ECONNREFUSED") || hasCode(refusal, "ENOENT");
  } finally {
    probe.destroy();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
