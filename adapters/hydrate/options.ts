import type { CloneBehavior } from "../../lib/index.ts";
import type { HttpOptions } from "../http/index.ts";
import type { ManifestPlace } from "../manifest/index.ts";
import type { NbdOptions } from "../nbd/index.ts";
import type { S3Options } from "../s3/index.ts";

export interface HydrateBlobOptions extends CloneBehavior {
  /** Replace a file that is not a copy of ours, or a finished copy of something else. */
  overwrite?: boolean;
  /** Give up local data that cannot be continued, even what a user wrote. */
  discardLocal?: boolean;
  /** Ask the source now whether it is still the same, and start over if not. Costs a request. */
  revalidate?: boolean;
  /**
   * Verify every byte by this manifest before anybody has it: a path, a `file:`, `http:` or `https:`
   * URL, its bytes, or one that is open, which the caller closes. Regions of a new copy are at
   * least as large as its blocks.
   */
  manifest?: ManifestPlace;
  /**
   * That of the version that the copy is of. Then it advances to the one of `manifest` without being
   * read: only blocks that differ are fetched. Without it the copy's own bytes are compared.
   */
  formerManifest?: ManifestPlace;
  /** Ends the opening. The clone that was opened does not listen to it any more. */
  signal?: AbortSignal;
  /** For `http:` and `https:` URLs. The manifest's gets them too where it has the same origin. */
  http?: HttpOptions;
  /** For `nbd:`, `nbds:`, `nbd+unix:` and `nbds+unix:` URIs. */
  nbd?: NbdOptions;
  /** For `s3:` URLs. */
  s3?: S3Options;
}
