import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HeadwaterError } from "../../lib/index.ts";
import type { NbdTlsOptions } from "./source-options.ts";
import type { NbdUri } from "./uri.ts";

/**
 * The options of TLS, with what the URI's `tls-certificates` folder holds where they say nothing.
 * The names of its files are those that the tools of NBD use.
 *
 * @throws {HeadwaterError} `SOURCE_FAILED` when a file cannot be read.
 */
export async function loadTls(uri: NbdUri, options: NbdTlsOptions): Promise<NbdTlsOptions> {
  const { tls, tlsCertificates: folder } = uri;
  if (!tls || folder === undefined) return options;
  const ca = await readCertificate(folder, "ca-cert.pem");
  const cert = await readCertificate(folder, "client-cert.pem");
  const key = await readCertificate(folder, "client-key.pem");
  return { ...(ca && { ca }), ...(cert && key && { cert, key }), ...options };
}

async function readCertificate(folder: string, name: string): Promise<Buffer | undefined> {
  const path = join(folder, name);
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new HeadwaterError("SOURCE_FAILED", `${path} cannot be read`, { cause: error });
  }
}
