import { HeadwaterError } from "../../lib/index.ts";

/** What is used of the AWS SDK. */
export interface Sdk {
  readonly S3Client: typeof import("@aws-sdk/client-s3").S3Client;
  readonly GetObjectCommand: typeof import("@aws-sdk/client-s3").GetObjectCommand;
  readonly ListObjectsV2Command: typeof import("@aws-sdk/client-s3").ListObjectsV2Command;
  readonly PutObjectCommand: typeof import("@aws-sdk/client-s3").PutObjectCommand;
  readonly getSignedUrl: typeof import("@aws-sdk/s3-request-presigner").getSignedUrl;
}

let loading: Promise<Sdk> | undefined;

/**
 * The AWS SDK, which users of S3 install beside this package.
 *
 * @throws {HeadwaterError} `SOURCE_FAILED` where it is not installed.
 */
export function loadSdk(): Promise<Sdk> {
  loading ??= load().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<Sdk> {
  try {
    const [{ S3Client, GetObjectCommand, ListObjectsV2Command, PutObjectCommand }, presigner] =
      await Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/s3-request-presigner")]);
    const { getSignedUrl } = presigner;
    return { S3Client, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, getSignedUrl };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND") throw error;
    const message =
      "S3 needs two packages that are not installed; run: " +
      "npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner";
    throw new HeadwaterError("SOURCE_FAILED", message, { cause: error });
  }
}
