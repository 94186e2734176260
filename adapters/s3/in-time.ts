import { HeadwaterError } from "../../lib/index.ts";

/** For what the SDK finds out by itself, such as credentials. */
const LIMIT_MS = 30_000;

/** @throws {HeadwaterError} `TIMEOUT` when nothing comes of the promise. */
export async function inTime<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `${what} could not be found out in ${LIMIT_MS} ms`;
      reject(new HeadwaterError("TIMEOUT", message, { retryable: true }));
    }, LIMIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
