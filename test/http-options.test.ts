import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  formatIdentity,
  type HttpHeaders,
  type HttpOptions,
  http,
  parseIdentity,
} from "../adapters/http/index.ts";

const test = suite("http options");

const URL_TEXT = "https://example.org/x?signature=SECRET";

/** What `http` throws at once. */
function mistakeOf(url: string, options?: HttpOptions): Error {
  try {
    http(url, options);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it was accepted");
}

test("what is no HTTP URL is the caller's mistake, and is not repeated", () => {
  for (const url of [
    "",
    "x?SECRET",
    "ftp://example.org/?SECRET",
    "http://%ff:SECRET@example.org/",
  ]) {
    const error = mistakeOf(url);
    assert.instance(error, TypeError);
    assert.not.match(`${error.message} ${JSON.stringify(error)} ${error.cause}`, "SECRET");
  }
});

test("a number that makes no sense is a RangeError that names the option", () => {
  for (const name of [
    "head",
    "tail",
    "demandConnections",
    "backgroundConnections",
    "connectTimeoutMs",
    "headersTimeoutMs",
    "stallTimeoutMs",
  ]) {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const error = mistakeOf(URL_TEXT, { [name]: value });
      assert.instance(error, RangeError);
      assert.match(error.message, name);
    }
  }
  // Node would turn a longer timeout into none at all.
  assert.instance(mistakeOf(URL_TEXT, { stallTimeoutMs: 2 ** 31 }), RangeError);
});

test("options that exclude or need each other are a TypeError", () => {
  assert.instance(mistakeOf(URL_TEXT, { head: 1, tail: 1 }), TypeError);
  assert.instance(mistakeOf(URL_TEXT, { tls: { cert: "x" } }), TypeError);
  assert.instance(mistakeOf(URL_TEXT, { tls: { key: "x" } }), TypeError);
});

test("a proxy is an HTTP URL or the environment's", () => {
  for (const proxy of ["", "socks5://me:SECRET@example.org", "example.org:3128"]) {
    const error = mistakeOf(URL_TEXT, { proxy });
    assert.instance(error, TypeError);
    assert.not.match(error.message, "SECRET");
  }
});

test("headers that cannot be sent, or are not the user's, are a TypeError", () => {
  const cases: HttpHeaders[] = [
    { "": "SECRET" },
    { "a b": "SECRET" },
    { authorization: "SECRET\r\nx: y" },
    { "x-name": "SECRET \u{1f600}" },
    { Range: "bytes=0-SECRET" },
    { "If-Match": "SECRET" },
    { "accept-encoding": "SECRET" },
  ];
  for (const headers of cases) {
    const error = mistakeOf(URL_TEXT, { headers });
    assert.instance(error, TypeError);
    assert.not.match(error.message, "SECRET");
  }
});

test("an identity is read back as it was written", () => {
  const name = "https://example.org:8443/a%20b/c";
  for (const validators of [
    { etag: '"5f-61a"', lastModified: undefined },
    { etag: 'W/"a b size=3"', lastModified: undefined },
    { etag: '""', lastModified: undefined },
    { etag: undefined, lastModified: "Tue, 02 Jan 2024 00:00:00 GMT" },
    { etag: undefined, lastModified: undefined },
  ]) {
    const identity = { name, validators, size: 2 ** 40 };
    assert.equal(parseIdentity(formatIdentity(identity)), identity);
    assert.not.match(formatIdentity(identity), "\n");
  }
});

test("what is not an identity is not read as one", () => {
  const name = "https://example.org/x";
  for (const text of [
    "",
    name,
    `${name} size=5`,
    `${name} etag=5 size=5`,
    `${name} etag="5" size=`,
    `${name} etag="5" size=99999999999999999999`,
    `${name} etag="5" size=5 `,
    `${name} x unvalidated size=5`,
    `/x etag="5" size=5`,
    `//example.org/x etag="5" size=5`,
  ]) {
    assert.throws(
      () => parseIdentity(text),
      (error: { code?: string }) => error.code === "CORRUPT",
      text,
    );
  }
});

test.run();
