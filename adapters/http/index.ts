import { isHeadwaterError, type SourceOpener } from "../../lib/index.ts";
import { nameOf, parseAddress } from "./address.ts";
import { parseIdentity } from "./identity.ts";
import { openAnew, openKnown } from "./open.ts";
import { checkOptions, type HttpOptions } from "./options.ts";

export type { HttpHeaders, HttpHeadersFunction } from "./headers.ts";
export { formatIdentity, type HttpIdentity, parseIdentity } from "./identity.ts";
export { HttpObjects } from "./objects.ts";
export type { HttpOptions, HttpTlsOptions } from "./options.ts";
export type { HttpExplain, HttpExplanation, HttpRefusal } from "./refusal.ts";
export { headerOf } from "./response-head.ts";
export type { HttpSigned, HttpSigner } from "./signing.ts";
export type { Validators } from "./validators.ts";

/**
 * A blob on an HTTP server that serves ranges. Opening it is one GET, which brings the beginning
 * of the blob along; opening what is known is none.
 *
 * A user name and password in the URL are sent as Basic authorization. Neither these nor the query
 * appear in an identity or a message.
 *
 * @throws {TypeError | RangeError} when the URL or an option makes no sense.
 */
export function http(url: string | URL, options: HttpOptions = {}): SourceOpener {
  const settings = checkOptions(options);
  const address = parseAddress(url, settings.name);
  return {
    open: async ({ known, signal } = {}) => {
      signal?.throwIfAborted();
      if (known !== undefined) return openKnown(address, settings, known);
      return openAnew(address, settings, signal);
    },
    recognizes: (identity) => {
      try {
        return parseIdentity(identity).name === nameOf(address);
      } catch (error) {
        if (isHeadwaterError(error, "CORRUPT")) return false;
        throw error;
      }
    },
  };
}
