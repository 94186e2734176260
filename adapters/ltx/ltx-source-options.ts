import type { SourceDevice } from "../../lib/index.ts";
import type { OpeningCosts } from "./opening-costs.ts";
import type { AssembleOptions, Assembly } from "./replica.ts";
import type { LoadedFile } from "./replica-file.ts";
import type { ObjectSource } from "./store.ts";

export interface LtxSourceOptions {
  readonly store: ObjectSource;
  readonly assembling: Pick<AssembleOptions, "layout" | "wholeFileSize">;
  readonly assembly: Assembly;
  readonly costs: OpeningCosts;
  /** Whether the store is closed with the source. */
  readonly ownsStore: boolean;
  /** Opens the newest state, where that is meant. */
  readonly successor?: (options: SuccessorOptions) => Promise<SourceDevice>;
}

export interface SuccessorOptions {
  /** Files that need not be loaded again. */
  readonly known: readonly LoadedFile[];
  readonly signal?: AbortSignal;
}
