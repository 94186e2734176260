import { HeadwaterError } from "../../lib/index.ts";

/** What is used of the AWS SDK. */
export interface Sdk {
  readonly S3Client: typeof import("@aws-sdk/client-s3").S3Client;
  readonly GetObjectCommand: typeof import("@aws-sdk/client-s3").GetObjectCommand;
  readonly HeadObjectCommand: typeof import("@aws-sdk/client-s3").HeadObjectCommand;
  readonly GetObjectAttributesCommand: typeof import("@aws-sdk/client-s3").GetObjectAttributesCommand;
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
    const [client, { getSignedUrl }] = await Promise.all([
      import("@aws-sdk/client-s3"),
      import("@aws-sdk/s3-request-presigner"),
    ]);
    return {
      S3Client: client.S3Client,
      GetObjectCommand: client.GetObjectCommand,
      HeadObjectCommand: client.HeadObjectCommand,
      GetObjectAttributesCommand: client.GetObjectAttributesCommand,
      ListObjectsV2Command: client.ListObjectsV2Command,
      PutObjectCommand: client.PutObjectCommand,
      getSignedUrl,
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND") throw error;
    const message =
      "S3 needs two packages that are not installed; run: " +
      "npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner";
    throw new HeadwaterError("SOURCE_FAILED", message, { cause: error });
  }
}
