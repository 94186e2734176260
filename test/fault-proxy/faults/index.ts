import type { Fault } from "../fault.ts";
import { BODIES } from "./bodies.ts";
import { CONNECTIONS } from "./connections.ts";
import { HEADS } from "./heads.ts";
import { PARTS } from "./parts.ts";
import { REDIRECTS } from "./redirects.ts";
import { STATUSES } from "./statuses.ts";

/** Every fault that the proxy knows, by what it strikes. */
export const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  "The connection": CONNECTIONS,
  "The headers": HEADS,
  "The status": STATUSES,
  "The part and the version": PARTS,
  "The body": BODIES,
  Redirects: REDIRECTS,
};

/** @throws {Error} when there is none of this name. */
export function faultNamed(name: string): Fault {
  const fault = Object.values(FAULTS)
    .flat()
    .find((one) => one.name === name);
  if (fault === undefined) throw new Error(`there is no fault ${name}`);
  return fault;
}
