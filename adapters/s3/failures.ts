import type { S3ServiceException } from "@aws-sdk/client-s3";
import { HeadwaterError, messageOf } from "../../lib/index.ts";
import { meaningOf } from "./meanings.ts";

/** What an error of the SDK's means. What is ours, or the reason of a signal, stays as it is. */
export function sdkFailure(error: unknown, name: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof HeadwaterError || !(error instanceof Error)) return error;
  if (error.name === "CredentialsProviderError" || error.name === "TokenProviderError") {
    return noCredentials(error, name);
  }
  const { $metadata: { httpStatusCode: status } = {} } = error as Partial<S3ServiceException>;
  if (status !== undefined) return refusalOf(error as S3ServiceException, status, name);
  if (!isOfNetwork(error)) return error;
  const code = error.name === "TimeoutError" ? "TIMEOUT" : "SOURCE_FAILED";
  const message = `${name} could not be asked: ${messageOf(error)}`;
  return new HeadwaterError(code, message, { cause: error, retryable: true });
}

/** The status with which the SDK's error came, if a store has answered. */
export function statusOf(error: unknown): number | undefined {
  return (error as Partial<S3ServiceException>)?.$metadata?.httpStatusCode;
}

function refusalOf(error: S3ServiceException, status: number, name: string): HeadwaterError {
  const said = error.message === error.name ? "" : error.message;
  const headers: Partial<Record<string, string>> = error.$response?.headers ?? {};
  const { Region } = error as { Region?: unknown };
  const region =
    headers["x-amz-bucket-region"] ?? (typeof Region === "string" ? Region : undefined);
  const usual = status === 404 ? "SOURCE_NOT_FOUND" : "SOURCE_FAILED";
  const meaning = meaningOf({ code: error.name, said, region });
  const { code = usual, message, retryable = status >= 500 || status === 429 } = meaning;
  return new HeadwaterError(code, `${name} answered ${status}: ${message}`, {
    cause: error,
    retryable,
  });
}

function noCredentials(error: Error, name: string): HeadwaterError {
  const message =
    `${name} cannot be asked without credentials (${error.message}): set AWS_ACCESS_KEY_ID and ` +
    "AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or the `anonymous` option for a public bucket";
  return new HeadwaterError("SOURCE_FAILED", message, { cause: error });
}

/** Whether it came from a socket, and not from a mistake in how the SDK was called. */
function isOfNetwork(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return error.name === "TimeoutError" || typeof code === "string";
}
