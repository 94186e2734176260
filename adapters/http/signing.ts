import type { Address } from "./address.ts";
import { checkHeaders, type HttpHeaders } from "./headers.ts";

/** Where a request goes, and with which headers. */
export interface HttpSigned {
  readonly url: string | URL;
  /** For that URL's origin and no other. */
  readonly headers?: HttpHeaders;
}

/** Called before each request, so what it gave it may give again for as long as it is good. */
export type HttpSigner = (request: {
  /** What is to be read, by the URL that the source was made with. */
  readonly url: URL;
  /** What this gave before, and the server refused with 400, 401 or 403: it may have expired. */
  readonly refused: URL | undefined;
}) => HttpSigned | Promise<HttpSigned>;

/** Statuses with which servers refuse what was signed wrongly or too long ago. */
export const REFUSED: readonly number[] = [400, 401, 403];

/** @throws {TypeError} when that cannot be sent. The message repeats nothing of it. */
export function checkSigned({ url, headers = {} }: HttpSigned): Address {
  const checked = checkHeaders(headers);
  if (URL.canParse(String(url))) {
    const parsed = url instanceof URL ? url : new URL(url);
    if (/^https?:$/.test(parsed.protocol)) return { url: parsed, trusted: true, headers: checked };
  }
  throw new TypeError("what `sign` gave is not an HTTP URL");
}
