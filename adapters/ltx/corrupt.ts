import { HeadwaterError } from "../../lib/index.ts";

/** Bytes that cannot be an LTX file. `offset` is where in that file, when it is known. */
export function corrupt(message: string, offset?: number, length?: number): HeadwaterError {
  return new HeadwaterError("CORRUPT", message, {
    ...(offset !== undefined && { offset }),
    ...(length !== undefined && { length }),
  });
}
