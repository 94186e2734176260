import { HeadwaterError } from "../../lib/index.ts";

/**
 * Runs what somebody waits for no longer than `timeoutMs`, in milliseconds. Its signal is aborted
 * then, or with `signal`: nothing is tried again for nobody.
 */
export async function withTimeLimit<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Result> {
  signal.throwIfAborted();
  const limited = new AbortController();
  const end = (): void => limited.abort(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  const timer = setTimeout(() => {
    const message = `it took longer than ${timeoutMs} ms`;
    limited.abort(new HeadwaterError("TIMEOUT", message, { retryable: true }));
  }, timeoutMs);
  timer.unref(); // who waits keeps the process alive
  try {
    return await work(limited.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
