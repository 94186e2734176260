import { setMaxListeners } from "node:events";

/** Stops waiting when the signal is aborted, with its reason. What is waited for goes on. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  expectMany(signal);
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A promise that rejects when one of the signals is aborted, for a race, and a signal for all. */
export function abortion(...given: readonly (AbortSignal | undefined)[]): {
  promise: Promise<never>;
  signal: AbortSignal;
  release(): void;
} {
  const signals = given.filter((signal) => signal !== undefined);
  const controller = new AbortController();
  let abort = (): void => {};
  const promise = new Promise<never>((_, reject) => {
    abort = () => {
      const reason = signals.find((signal) => signal.aborted)?.reason;
      controller.abort(reason);
      reject(reason);
    };
  });
  promise.catch(() => {});
  if (signals.some((signal) => signal.aborted)) abort();
  for (const signal of signals) signal.addEventListener("abort", abort, { once: true });
  return {
    promise,
    signal: controller.signal,
    release: () => {
      for (const signal of signals) signal.removeEventListener("abort", abort);
    },
  };
}

/** An abort to which any number may listen. */
export function sharedAbort(): AbortController {
  const abort = new AbortController();
  expectMany(abort.signal);
  return abort;
}

/** Many reads may have one signal: from the eleventh on, Node would take that for a leak. */
export function expectMany(signal: AbortSignal): void {
  // The signal may be of another realm, which counts nothing.
  if (signal instanceof EventTarget) setMaxListeners(0, signal);
}
