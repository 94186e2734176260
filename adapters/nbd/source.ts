import {
  HeadwaterError,
  isHeadwaterError,
  type KnownSource,
  type SourceDevice,
  type SourceOpener,
} from "../../lib/index.ts";
import { Connections } from "./source-connections.ts";
import { NbdSource } from "./source-device.ts";
import { type NbdIdentity, parseIdentity } from "./source-identity.ts";
import { checkOptions, type NbdOptions, type NbdSettings } from "./source-options.ts";
import { loadTls } from "./source-tls.ts";
import { type NbdUri, parseUri } from "./uri.ts";

/**
 * An export of an NBD server: nbdkit, qemu-nbd, nbd-server or Headwater's own. Opening it is one
 * connection; opening what is known is none.
 *
 * Neither a user name in the URI nor what says only how to connect appears in an identity or a
 * message.
 *
 * @param uri like `nbd://host:10809/export` or `nbd+unix:///export?socket=/path`; `nbds` for TLS.
 * @throws {TypeError | RangeError} when the URI or an option makes no sense.
 */
export function nbd(uri: string | URL, options: NbdOptions = {}): SourceOpener {
  const parsed = parseUri(uri);
  const settings = checkOptions(options);
  if (!parsed.tls && Object.keys(settings.tls).length > 0) {
    throw new TypeError("the tls option is for nbds URIs: this one would be read in the clear");
  }
  return {
    open: async ({ known, signal } = {}) => {
      signal?.throwIfAborted();
      const pinned = known === undefined ? undefined : checkKnown(parsed, settings, known);
      const tls = await loadTls(parsed, settings.tls);
      return openExport(parsed, { ...settings, tls }, pinned, signal);
    },
    recognizes: (identity) => {
      try {
        return parseIdentity(identity).name === parsed.name;
      } catch (error) {
        if (isHeadwaterError(error, "CORRUPT")) return false;
        throw error;
      }
    },
  };
}

async function openExport(
  uri: NbdUri,
  settings: NbdSettings,
  known: NbdIdentity | undefined,
  signal: AbortSignal | undefined,
): Promise<SourceDevice> {
  const connections = new Connections(uri, settings, known?.size);
  if (known !== undefined) return new NbdSource(known, connections);
  try {
    const { size } = await connections.agreement("demand", signal);
    return new NbdSource({ name: uri.name, version: settings.identity, size }, connections);
  } catch (error) {
    await connections.close();
    throw error;
  }
}

/** Whether a copy may go on, as far as can be told without asking. */
function checkKnown(uri: NbdUri, settings: NbdSettings, known: KnownSource): NbdIdentity {
  const identity = parseIdentity(known.identity);
  const { name, version, size } = identity;
  if (size !== known.size) {
    const message = `the stored identity is of ${size} bytes, the copy of ${known.size}`;
    throw new HeadwaterError("CORRUPT", message);
  }
  if (name !== uri.name) {
    throw new HeadwaterError("SOURCE_CHANGED", `the copy is of ${name}, not of ${uri.name}`);
  }
  const isNamed = settings.identity !== undefined;
  if (isNamed ? settings.identity === version : settings.allowUnvalidated) return identity;
  if (isNamed) {
    const was = version === undefined ? "of an unnamed version" : `of "${version}"`;
    const message = `the copy is ${was}, and "${settings.identity}" is asked for`;
    throw new HeadwaterError("SOURCE_CHANGED", `${name}: ${message}`);
  }
  const message =
    "is of a protocol without versions, so nobody can tell whether it is still the same; " +
    "start over, go on with the `allowUnvalidated` option, or name versions with `identity`";
  throw new HeadwaterError("SOURCE_CHANGED", `${name} ${message}`);
}
