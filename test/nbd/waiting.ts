import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { NbdServer } from "../../adapters/nbd/index.ts";

/** Waits until something is so; the runner ends what never is. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(2);
}

/** Resolves to why the server ended the next connection that it ends. */
export async function nextProblem(server: NbdServer): Promise<string> {
  const [{ problem = "" }] = (await once(server, "disconnection")) as [{ problem?: string }];
  return problem;
}
