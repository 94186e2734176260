import type { Advanced, CloneStats, Progress } from "../../lib/index.ts";
import type { EndingSignal } from "./exit-codes.ts";
import type { RegionPicture } from "./region-picture.ts";

/** What is worth saying between the beginning and the end. Sizes in bytes. */
export type Notice =
  | { readonly event: "restarted" }
  | ({ readonly event: "advanced" } & Advanced)
  | { readonly event: "serving"; readonly uri: string; readonly writable: boolean }
  /** Hydration has ended for good; what is here, and what can be read, is still served. */
  | { readonly event: "stopped"; readonly code: string; readonly message: string }
  | {
      readonly event: "quarantined";
      readonly offset: number;
      readonly length: number;
      readonly code: string;
      readonly message: string;
    };

export interface Opened {
  readonly file: string;
  readonly size: number;
  readonly regionSize: number;
  /** What was here already. */
  readonly hydratedBytes: number;
  readonly identity: string;
  readonly picture: RegionPicture;
}

export type Ending =
  | {
      readonly event: "hydrated";
      readonly file: string;
      readonly size: number;
      readonly elapsedMs: number;
      readonly stats: CloneStats;
    }
  | {
      /** As much as was asked for was read, and no more was wanted. */
      readonly event: "closed";
      readonly file: string;
      readonly size: number;
      readonly hydratedBytes: number;
      readonly stats: CloneStats;
    }
  | {
      readonly event: "interrupted";
      readonly signal: EndingSignal;
      readonly file: string;
      /** Where it stood; undefined when it was not open yet. */
      readonly at?: { readonly size: number; readonly hydratedBytes: number };
      /** Whether the map was saved in time. If not, the last second may be fetched again. */
      readonly saved?: boolean;
    };

/** Tells the user, or a program, how a hydration goes. */
export interface Reporter {
  /** How often `progress` is wanted. */
  readonly intervalMs: number;
  opened(opened: Opened): void;
  progress(progress: Progress): void;
  notice(notice: Notice): void;
  ended(ending: Ending): void;
  /** Leaves the terminal as it should be for what others write. */
  stop(): void;
}

/** For `--quiet`. */
export const silentReporter: Reporter = {
  intervalMs: 1000,
  opened: () => {},
  progress: () => {},
  notice: () => {},
  ended: () => {},
  stop: () => {},
};
