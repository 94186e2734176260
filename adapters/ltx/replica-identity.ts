import { HeadwaterError } from "../../lib/index.ts";
import { formatTxid, parseTxid } from "./file-name.ts";

/** Which database, after which transaction. */
export interface ReplicaIdentity {
  /** The URL of the replica, without what is secret in it. */
  readonly name: string;
  readonly txid: bigint;
}

/** One line, for people too: `file:///backups/app.db txid=000000000000002a`. */
export function formatIdentity({ name, txid }: ReplicaIdentity): string {
  return `${name} txid=${formatTxid(txid)}`;
}

/** Undefined when this is not an identity of a replica. */
export function findIdentity(identity: string): ReplicaIdentity | undefined {
  const [, name = "", digits = ""] = /^(\S+) txid=([0-9a-f]{16})$/.exec(identity) ?? [];
  return digits === "" ? undefined : { name, txid: parseTxid(digits) };
}

/** @throws {HeadwaterError} `CORRUPT` when this is not an identity of a replica. */
export function parseIdentity(identity: string): ReplicaIdentity {
  const found = findIdentity(identity);
  if (found !== undefined) return found;
  throw new HeadwaterError("CORRUPT", "the stored identity is not one of a Litestream replica");
}
