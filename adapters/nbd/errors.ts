import { HeadwaterError, type HeadwaterErrorCode } from "../../lib/index.ts";
import { NBD_ERROR } from "./protocol.ts";

/** What a failed request is answered with. */
export interface Refusal {
  /** One of `NBD_ERROR`. */
  readonly error: number;
  readonly message: string;
}

/** The number that names a failure of the clone to a client; one that is not listed is EIO. */
const NUMBERS: Partial<Record<HeadwaterErrorCode, number>> = {
  READ_ONLY: NBD_ERROR.notPermitted,
  DESTINATION_FULL: NBD_ERROR.noSpace,
  CLOSED: NBD_ERROR.shutdown,
};

export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof HeadwaterError)) {
    // A bug of ours is no business of a client's.
    return { error: NBD_ERROR.inputOutput, message: "the request failed" };
  }
  return { error: NUMBERS[error.code] ?? NBD_ERROR.inputOutput, message: error.message };
}
