/** A mistake of ours, never the world's: something that cannot be true was true. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Stops us when something that always holds does not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** @throws {RangeError} when an option or argument is not a whole number of at least `minimum`. */
export function checkCount(name: string, value: number, minimum = 1): number {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new RangeError(`${name} is ${value}; it must be a whole number of at least ${minimum}`);
  }
  return value;
}
