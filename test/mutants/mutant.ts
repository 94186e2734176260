/** A mistake on purpose, in one place of the compiled library. */
export interface Mutant {
  readonly name: string;
  /** Of `dist/lib`. */
  readonly file: string;
  /** Each text occurs exactly once in the file, and is replaced by the other. */
  readonly edits: readonly (readonly [string, string])[];
  /** Where to begin: a world that noticed it when it was last looked at. */
  readonly from?: number;
}
