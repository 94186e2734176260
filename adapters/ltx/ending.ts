/** Rejects when one of the two is aborted, for a race. */
export function endOf(
  signal: AbortSignal | undefined,
  closing: AbortSignal,
): { promise: Promise<never>; release(): void } {
  signal?.throwIfAborted();
  closing.throwIfAborted();
  let abort = (): void => {};
  const promise = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.aborted ? signal.reason : closing.reason);
  });
  promise.catch(() => {}); // there may be nobody in the race
  const both = [signal, closing].filter((one) => one !== undefined);
  for (const one of both) one.addEventListener("abort", abort, { once: true });
  return {
    promise,
    release: () => {
      for (const one of both) one.removeEventListener("abort", abort);
    },
  };
}
