import type { HeadwaterErrorCode } from "../../lib/index.ts";
import type { Random } from "../simulation/random.ts";
import type { Answer } from "./answer.ts";
import type { Wire } from "./wire.ts";

/** Sends an answer, or what becomes of it. Unless it ends the wire, the next request comes. */
export type Act = (wire: Wire, answer: Answer, random: Random) => unknown;

/** Something that a server or the network between does wrong, and what has to come of it. */
export interface Fault {
  /** In kebab-case. */
  readonly name: string;
  /** What happens to an answer, as a sentence without its subject. */
  readonly what: string;
  readonly act: Act;
  /** Done where a connection is made, and not where a request is answered. */
  readonly isAtConnection?: boolean;
  /** Where nobody listens any more: nothing can be done at an answer. */
  readonly isRefusal?: boolean;
  /** Shown by silence only, so that the timeouts are short. */
  readonly isSilent?: boolean;
  /**
   * The ways in which a wait may end while the fault lasts. An empty list is right bytes; where
   * chance decides whether a read comes through, "right" is among the codes.
   */
  readonly lasting: readonly (HeadwaterErrorCode | "right")[];
  /** The codes where it happens once. Default none: a later try brings the right bytes. */
  readonly once?: readonly HeadwaterErrorCode[];
  /** Those of opening the source while the fault lasts. Default: as `lasting`. */
  readonly opening?: readonly HeadwaterErrorCode[];
  /** What is signed is signed anew after it, and asked for once more. */
  readonly isRefused?: boolean;
  /** Nothing in the answer shows it: only digests of the bytes can. */
  readonly isHidden?: boolean;
}
