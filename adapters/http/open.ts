import { HeadwaterError, type KnownSource, type SourceDevice } from "../../lib/index.ts";
import { type GivenAddress, nameOf } from "./address.ts";
import { checkOpening, type Opening } from "./check.ts";
import { Connections } from "./connections.ts";
import { DeferredMeter } from "./deferred-meter.ts";
import { type Asked, failure } from "./failures.ts";
import { parseIdentity } from "./identity.ts";
import type { HttpSettings } from "./options.ts";
import { type Reply, Requester } from "./requester.ts";
import { HttpSource } from "./source.ts";
import { validatorsOf } from "./validators.ts";

/** Opens a URL with one ranged GET, whose body stays on its way until a stream wants it. */
export async function openAnew(
  address: GivenAddress,
  settings: HttpSettings,
  signal: AbortSignal | undefined,
): Promise<SourceDevice> {
  const name = nameOf(address);
  const connections = new Connections(settings, address.url.origin);
  const requester = new Requester(address, settings, connections);
  const meter = new DeferredMeter();
  const abort = new AbortController();
  const onAbort = (): void => abort.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const { from, length } = settings.opening;
    const range = from === "start" ? `bytes=0-${length - 1}` : `bytes=-${length}`;
    const asked: Asked = {
      name,
      range: from === "start" ? { offset: 0, length } : undefined,
    };
    const ask = { asked, class: "demand", meter, signal: abort.signal, preconditions: {} } as const;
    let reply = await requester.send({ ...ask, range });
    let opening = checkReply(reply, asked, settings);
    if (opening === undefined) {
      // An empty blob, or a server that refuses every Range: without one it says which.
      reply = await requester.send({ ...ask, range: undefined });
      opening = checkReply(reply, asked, settings);
    }
    if (opening === undefined) throw failure("SIZE_UNKNOWN", asked, "answered 416 to a plain GET");

    const { size, arriving } = opening;
    const pinned = { size, validators: validatorsOf(reply.head) };
    const { exchange } = reply;
    if (arriving.length > 0) {
      const body = { range: arriving, exchange, meter };
      return new HttpSource({ name, pinned, connections, requester, opening: body });
    }
    exchange.drain();
    return new HttpSource({ name, pinned, connections, requester });
  } catch (error) {
    await connections.close(error instanceof Error ? error : new Error("not opened"));
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Opens what was opened before, without a request: the first read finds out if it is the same. */
export function openKnown(
  address: GivenAddress,
  settings: HttpSettings,
  known: KnownSource,
): SourceDevice {
  const name = nameOf(address);
  const { name: knownName, validators, size } = parseIdentity(known.identity);
  if (size !== known.size) {
    const message = `the stored identity is of ${size} bytes, the copy of ${known.size}`;
    throw new HeadwaterError("CORRUPT", message);
  }
  if (knownName !== name) {
    throw new HeadwaterError("SOURCE_CHANGED", `the copy is of ${knownName}, not of ${name}`);
  }
  const isValidated = validators.etag !== undefined || validators.lastModified !== undefined;
  if (!isValidated && !settings.allowUnvalidated) {
    const message =
      "gave neither ETag nor Last-Modified, so nobody can tell whether it is still the same; " +
      "start over, or go on with the `allowUnvalidated` option";
    throw new HeadwaterError("SOURCE_CHANGED", `${name} ${message}`);
  }
  const connections = new Connections(settings, address.url.origin);
  const requester = new Requester(address, settings, connections);
  return new HttpSource({ name, pinned: { size, validators }, connections, requester });
}

function checkReply(reply: Reply, asked: Asked, settings: HttpSettings): Opening | undefined {
  const opening = checkOpening(reply.head, asked, settings);
  if (opening === undefined) reply.exchange.drain();
  return opening;
}
