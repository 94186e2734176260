import { resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nbd } from "../adapters/nbd/index.ts";
import { failure } from "./rejection.ts";

const test = suite("NBD URIs and identities");

/** What a URI is called in an identity. */
const NAMES: readonly (readonly [uri: string, name: string])[] = [
  ["nbd://example.org/disk", "nbd://example.org:10809/disk"],
  ["nbd://EXAMPLE.org:10809/disk", "nbd://example.org:10809/disk"],
  ["nbd://user:secret@example.org/disk", "nbd://example.org:10809/disk"],
  ["nbd://example.org", "nbd://example.org:10809/"],
  ["nbd://example.org:1/", "nbd://example.org:1/"],
  ["nbd://", "nbd://localhost:10809/"],
  ["nbd:///disk", "nbd://localhost:10809/disk"],
  ["nbd://example.org//disk", "nbd://example.org:10809//disk"],
  ["nbd://example.org/a/../b", "nbd://example.org:10809/a/../b"],
  ["nbd://example.org/hello%20world%3F", "nbd://example.org:10809/hello%20world%3F"],
  ["nbd://[::1]:5/disk", "nbd://[::1]:5/disk"],
  ["nbds://example.org/disk?tls-hostname=other", "nbds://example.org:10809/disk"],
  ["nbds://example.org/?tls-type=x509&tls-certificates=/pki", "nbds://example.org:10809/"],
  ["nbds://example.org/?tls-verify-peer=1", "nbds://example.org:10809/"],
  ["nbd+unix:///disk?socket=/run/nbd.sock", "nbd+unix:///disk?socket=/run/nbd.sock"],
  ["nbds+unix:///?socket=%2Frun%2Fa%20b", "nbds+unix:///?socket=/run/a%20b"],
  ["nbd+unix:///?socket=%00/abstract", "nbd+unix:///?socket=%00/abstract"],
  ["nbd+unix:///?socket=relative", `nbd+unix:///?socket=${resolve("relative")}`],
];

test("a URI has one name, without secrets and with its port", () => {
  for (const [uri, name] of NAMES) {
    assert.ok(nbd(uri).recognizes(`${name} unvalidated size=5`), uri);
    assert.not(nbd(uri).recognizes(`${name}x unvalidated size=5`), uri);
    assert.not(nbd(uri).recognizes("http://example.org/disk unvalidated size=5"), uri);
  }
});

const MISTAKES: readonly (readonly [uri: string, complaint: RegExp])[] = [
  ["http://example.org/secret", /not like nbd:/],
  ["nbd:localhost:10809:exportname=secret", /not like nbd:/],
  ["nbd+vsock://1/secret", /not like nbd:/],
  ["nbd://example.org/secret#part", /not like nbd:/],
  ["nbd://example.org:0/secret", /host or port/],
  ["nbd://example.org:70000/secret", /not like nbd:/],
  ["nbd+unix:///secret", /names no socket/],
  ["nbd+unix:///secret?socket=", /names no socket/],
  ["nbd+unix://example.org/secret?socket=/s", /a host and a socket/],
  ["nbd://example.org/secret?socket=/s", /"socket", which is not known/],
  ["nbds://example.org/secret?tls-psk-file=/s", /"tls-psk-file", which is not known/],
  ["nbds://example.org/secret?tls-type=anon", /only x509/],
  ["nbds://example.org/secret?tls-verify-peer=0", /`ca` option/],
  ["nbd://example.org/%ff", /percent-encoded/],
  ["nbd://example.org/a%00b", /NUL/],
  [`nbd://example.org/${"x".repeat(5000)}`, /at most 4096 bytes/],
];

test("a URI that cannot be meant is refused, and not repeated", () => {
  for (const [uri, complaint] of MISTAKES) {
    let error: unknown;
    try {
      nbd(uri);
    } catch (thrown) {
      error = thrown;
    }
    assert.instance(error, TypeError, uri.slice(0, 80));
    const { message } = error as TypeError;
    assert.match(message, complaint);
    assert.not.match(message, "secret");
  }
});

test("options that make no sense are refused", () => {
  const uri = "nbds://example.org/disk";
  assert.throws(() => nbd(uri, { identity: "" }), /identity/);
  assert.throws(() => nbd(uri, { identity: 'a"b' }), /identity/);
  assert.throws(() => nbd(uri, { tls: { cert: "x" } }), /given together/);
  assert.throws(() => nbd(uri, { demandConnections: 0 }), /demandConnections/);
  assert.throws(() => nbd(uri, { stallTimeoutMs: 2 ** 31 }), /stallTimeoutMs/);
  assert.throws(() => nbd("nbd://example.org/", { tls: { ca: "x" } }), /in the clear/);
});

test("a copy goes on only where somebody answers for its version", async () => {
  const uri = "nbd://127.0.0.1:1/disk";
  const known = (version: string) => ({ size: 5, identity: `${uri} ${version} size=5` });
  const allowed = [
    [{ allowUnvalidated: true }, "unvalidated"],
    [{ allowUnvalidated: true }, 'identity="1"'],
    [{ identity: "1" }, 'identity="1"'],
  ] as const;
  for (const [options, version] of allowed) {
    const source = await nbd(uri, options).open({ known: known(version) });
    assert.equal([source.identity, source.size], [known(version).identity, 5]);
    await source.close();
  }
  const refused = [
    [{}, "unvalidated", /allowUnvalidated/],
    [{}, 'identity="1"', /allowUnvalidated/],
    [{ identity: "2" }, 'identity="1"', /"1", and "2" is asked for/],
    [{ identity: "2", allowUnvalidated: true }, "unvalidated", /unnamed version/],
  ] as const;
  for (const [options, version, words] of refused) {
    const error = await failure(nbd(uri, options).open({ known: known(version) }));
    assert.is(error.code, "SOURCE_CHANGED");
    assert.match(error.message, words);
  }
});

test.run();
