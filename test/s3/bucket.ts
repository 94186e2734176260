import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { S3Server } from "./server.ts";

/** A bucket on a test's server, filled by the SDK. */
export class Bucket {
  readonly name: string;
  readonly client: S3Client;

  constructor(server: S3Server, name: string) {
    this.name = name;
    this.client = new S3Client({
      endpoint: server.endpoint,
      credentials: server.credentials,
      region: "us-east-1",
      forcePathStyle: true,
      requestChecksumCalculation: "WHEN_REQUIRED",
    });
  }

  async create(): Promise<this> {
    await this.client.send(new CreateBucketCommand({ Bucket: this.name }));
    return this;
  }

  /** Resolves to its ETag. */
  async put(key: string, bytes: Uint8Array): Promise<string> {
    const input = { Bucket: this.name, Key: key, Body: bytes };
    const { ETag = "" } = await this.client.send(new PutObjectCommand(input));
    return ETag;
  }

  async remove(key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.name, Key: key }));
  }
}
