import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { HeadwaterError, type SourceOpener } from "../../lib/index.ts";
import { FileDevice } from "../file/index.ts";
import { type Door, openHttp } from "./doors.ts";
import { UsageError } from "./exit-codes.ts";
import type { ServeRequest } from "./serve-request.ts";

/** In place of a source for a copy that needs none any more. */
export function noSource(file: string): SourceOpener {
  const message = `${file} is not whole; name the URL that it is copied from too`;
  return {
    open: () => Promise.reject(new HeadwaterError("SOURCE_NOT_FOUND", message)),
    recognizes: () => true,
  };
}

/** Whether the file is, as far as its neighbours tell, a copy that Headwater made. */
export function isCopy(file: string): boolean {
  return existsSync(`${file}.headwater`);
}

/** Serves a file that somebody else made, and that nobody changes meanwhile. */
export async function openForeign(request: ServeRequest): Promise<Door> {
  const { file, nbd } = request;
  if (nbd !== undefined) throw new UsageError(`--nbd serves copies only, and ${file} is none`);
  const device = await FileDevice.open(file);
  try {
    const { size, identity } = device;
    const state = { identity, strongIdentity: false, written: false };
    const read = (offset: number, length: number): Promise<Uint8Array> =>
      device.read(offset, length);
    const { mtime: lastModified } = await stat(file);
    const blob = { size, read, status: () => state };
    const { uri, close } = await openHttp({ blob, lastModified }, request);
    return { uri, writable: false, close: () => close().finally(() => device.close()) };
  } catch (error) {
    await device.close();
    throw error;
  }
}
