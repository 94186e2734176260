import type { HttpExplanation } from "../http/index.ts";

/** What a store says beside a code. */
export interface S3Refusal {
  /** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html lists them. */
  readonly code: string;
  /** In the store's own words. */
  readonly said: string;
  /** Where the bucket is, if the store says so. */
  readonly region: string | undefined;
}

/** What a code of S3's means, and what is to be done. What is not known here is told as it is. */
export function meaningOf({ code, said, region }: S3Refusal): HttpExplanation {
  const words = said.replace(/\p{Cc}+/gu, " ").slice(0, 300);
  const told = words === "" ? code : `${code}, "${words}"`;
  if (OTHER_REGION.includes(code) && region !== undefined) {
    const message = `${code}: the bucket is in ${region}: set \`region\` to "${region}"`;
    return { message, code: "SOURCE_FAILED", retryable: false };
  }
  const meaning = MEANINGS[code];
  if (meaning === undefined) return { message: told };
  const { advice, ...rest } = meaning;
  return { message: `${told}: ${advice}`, ...rest };
}

interface Meaning {
  readonly advice: string;
  readonly code?: "SOURCE_NOT_FOUND" | "SOURCE_FAILED" | "SOURCE_CHANGED";
  readonly retryable?: boolean;
}

const OTHER_REGION: readonly string[] = [
  "PermanentRedirect",
  "TemporaryRedirect",
  "AuthorizationHeaderMalformed",
  "AuthorizationQueryParametersError",
  "IllegalLocationConstraintException",
];

const WRONG_KEYS: Meaning = {
  advice: "the credentials are not right for this store; look at AWS_ACCESS_KEY_ID or the profile",
  retryable: false,
};

const EXPIRED: Meaning = {
  advice: "the credentials have expired; renew them (with SSO: aws sso login)",
  retryable: false,
};

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NoSuchKey: { advice: "there is no object of this key", code: "SOURCE_NOT_FOUND" },
  NoSuchVersion: { advice: "there is no such version of it", code: "SOURCE_NOT_FOUND" },
  NoSuchBucket: { advice: "there is no bucket of this name", code: "SOURCE_NOT_FOUND" },
  MethodNotAllowed: { advice: "that version is a deletion", code: "SOURCE_NOT_FOUND" },
  AccessDenied: {
    advice:
      "the credentials do not allow it; reading needs s3:GetObject (for a version " +
      "s3:GetObjectVersion), listing s3:ListBucket, which also tells a missing key from a forbidden one",
    retryable: false,
  },
  AllAccessDisabled: { advice: "the bucket has been closed", retryable: false },
  InvalidAccessKeyId: WRONG_KEYS,
  SignatureDoesNotMatch: WRONG_KEYS,
  InvalidToken: WRONG_KEYS,
  ExpiredToken: EXPIRED,
  TokenRefreshRequired: EXPIRED,
  RequestTimeTooSkewed: { advice: "the clock of this machine is wrong; set it", retryable: false },
  InvalidObjectState: {
    advice: "it is archived; restore it first (aws s3api restore-object)",
    code: "SOURCE_FAILED",
    retryable: false,
  },
  PermanentRedirect: { advice: "the bucket is in another region: set `region`", retryable: false },
  NotImplemented: { advice: "this store cannot do that", retryable: false },
  SlowDown: { advice: "the store is asked too often", retryable: true },
  ServiceUnavailable: { advice: "the store is asked too often", retryable: true },
  RequestTimeout: { advice: "the store did not wait", retryable: true },
  OperationAborted: { advice: "something else is changing it", retryable: true },
  ConditionalRequestConflict: { advice: "something else is writing it", retryable: true },
};
