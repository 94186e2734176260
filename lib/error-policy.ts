import { type HeadwaterError, isHeadwaterError } from "./errors.ts";

/**
 * What an error means for the background; a read or write that somebody waits for always reports
 * its own. The names are QEMU's. `report`: hydration ends as stalled. `ignore`: the region is left
 * for later, and hydration stalls only where nothing else can go on either. `stop`: hydration
 * pauses. `enospc`: pauses where the destination is full, and reports everything else. `resume()`
 * goes on after each.
 */
export type ErrorPolicy = "report" | "ignore" | "stop" | "enospc";

/** What the background does about an error. */
export type Reaction = "retry" | "stall" | "pause";

export interface ErrorPolicies {
  readonly source: ErrorPolicy;
  readonly destination: ErrorPolicy;
}

export function isDestinationError(error: unknown): boolean {
  return (
    isHeadwaterError(error, "DESTINATION_FULL") || isHeadwaterError(error, "DESTINATION_FAILED")
  );
}

/** What the policy of the side that failed says. */
export function reactionTo(error: HeadwaterError, policies: ErrorPolicies): Reaction {
  const policy = isDestinationError(error) ? policies.destination : policies.source;
  if (policy === "ignore") return "retry";
  if (policy === "stop") return "pause";
  if (policy === "enospc" && error.code === "DESTINATION_FULL") return "pause";
  return "stall";
}

/** @throws {RangeError} when it is none of the four. */
export function checkErrorPolicy(name: string, policy: ErrorPolicy): ErrorPolicy {
  const known: readonly string[] = ["report", "ignore", "stop", "enospc"];
  if (known.includes(policy)) return policy;
  throw new RangeError(`${name} is "${policy}"; it must be one of ${known.join(", ")}`);
}
