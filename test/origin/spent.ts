import { HeadwaterError, type Meter } from "../../lib/index.ts";

/** What a source reported. */
export class Spent implements Meter {
  requests = 0;
  received = 0;

  request(): void {
    this.requests += 1;
  }

  bytes(count: number): void {
    this.received += count;
  }
}

/** The error that something ends with. It must be one of ours. */
export async function failureOf(promise: Promise<unknown>): Promise<HeadwaterError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof HeadwaterError) return error;
  throw error;
}
