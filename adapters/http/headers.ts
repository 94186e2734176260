/** Request headers by name. */
export type HttpHeaders = Readonly<Record<string, string>>;

/** Gives the headers of one request. */
export type HttpHeadersFunction = (request: {
  /** The server answered 401 to what this gave before: a token may have to be renewed. */
  readonly refused: boolean;
}) => HttpHeaders | Promise<HttpHeaders>;

/** @throws {TypeError} when one is not a header, or one that the source sets itself. */
export function checkHeaders(headers: HttpHeaders): HttpHeaders {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (!NAME.test(key)) throw new TypeError("headers has a name that is none");
    if (RESERVED.includes(key)) throw new TypeError(`headers: ${key} is not for you to set`);
    // The value may be a secret, so the message does not repeat it.
    if (typeof value !== "string" || !VALUE.test(value)) {
      throw new TypeError(`headers: the value of ${key} cannot be sent`);
    }
    checked[key] = value;
  }
  return checked;
}

const NAME: RegExp = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What is asked for, and how the connection is used, is the source's own business. */
const RESERVED: readonly string[] = [
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "keep-alive",
  "proxy-authorization",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
