import { HeadwaterError } from "../lib/index.ts";

/** What `work` rejects with. Throws when it does not. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** The same, where it must be one of our own errors. */
export async function failure(work: Promise<unknown>): Promise<HeadwaterError> {
  const error = await rejection(work);
  if (error instanceof HeadwaterError) return error;
  throw error;
}
