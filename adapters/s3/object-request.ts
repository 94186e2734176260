import { createHash } from "node:crypto";
import type { GetObjectCommandInput } from "@aws-sdk/client-s3";
import type { HttpHeaders } from "../http/index.ts";
import type { S3Address } from "./address.ts";
import type { S3Options } from "./options.ts";

/** What GetObject is asked for, all but the range. */
export function getObjectInput(
  { bucket, key }: S3Address,
  { versionId, requesterPays = false, customerKey }: S3Options,
): GetObjectCommandInput {
  return {
    Bucket: bucket,
    Key: key,
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...(requesterPays && { RequestPayer: "requester" as const }),
    ...(customerKey && customerKeyInput(customerKey)),
  };
}

interface CustomerKeyInput {
  readonly SSECustomerAlgorithm: string;
  readonly SSECustomerKey: string;
  readonly SSECustomerKeyMD5: string;
}

/** @throws nothing: that the key has 32 bytes was seen before. */
export function customerKeyInput(customerKey: Uint8Array): CustomerKeyInput {
  return {
    SSECustomerAlgorithm: "AES256",
    SSECustomerKey: Buffer.from(customerKey).toString("base64"),
    SSECustomerKeyMD5: createHash("md5").update(customerKey).digest("base64"),
  };
}

/** The headers that go with a signed URL. A key of the customer's must not stand in a URL. */
export function signedHeaders({ customerKey }: S3Options): HttpHeaders {
  if (customerKey === undefined) return {};
  const input = customerKeyInput(customerKey);
  return {
    "x-amz-server-side-encryption-customer-algorithm": input.SSECustomerAlgorithm,
    "x-amz-server-side-encryption-customer-key": input.SSECustomerKey,
    "x-amz-server-side-encryption-customer-key-md5": input.SSECustomerKeyMD5,
  };
}
