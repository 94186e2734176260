/** How a suite hands over its tests: the `test` of uvu, node:test, vitest and their like. */
export type Register = (name: string, run: () => Promise<void>) => unknown;
