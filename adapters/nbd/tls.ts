import { once } from "node:events";
import type { Socket } from "node:net";
import { createSecureContext, createServer, type TLSSocket, type TlsOptions } from "node:tls";

/** Everything in PEM. */
export interface NbdTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** With it, clients must show a certificate that one of these authorities has signed. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** Whether anything is told to a client that does not encrypt. Default true. */
  readonly required?: boolean;
}

/** @throws what node:tls throws for a key or certificate that it cannot use. */
export function checkTls(tls: NbdTls): void {
  createSecureContext(optionsOf(tls));
}

/**
 * Answers a TLS handshake that is about to begin on this socket.
 *
 * @param signal aborted when the socket is closed; it is when the handshake fails.
 */
export async function secure(socket: Socket, tls: NbdTls, signal: AbortSignal): Promise<TLSSocket> {
  // A server that never listens: what it checks of a certificate is not to be had otherwise.
  const server = createServer(optionsOf(tls));
  server.on("tlsClientError", () => socket.destroy());
  const secured = once(server, "secureConnection", { signal });
  server.emit("connection", socket);
  const [encrypted] = (await secured) as [TLSSocket];
  return encrypted;
}

function optionsOf({ key, cert, ca }: NbdTls): TlsOptions {
  const own = { key, cert, minVersion: "TLSv1.2" } as const;
  if (ca === undefined) return own;
  const authorities = typeof ca === "string" || Buffer.isBuffer(ca) ? [ca] : [...ca];
  return { ...own, ca: authorities, requestCert: true, rejectUnauthorized: true };
}
