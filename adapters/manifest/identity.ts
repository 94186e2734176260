/** What the identity of a verified source ends with. */
const ROOT = / sha256=([0-9a-f]{64})$/;

/** The identity of what a source gives once the manifest with that root has verified it. */
export function verifiedIdentity(identity: string, root: string): string {
  return `${identity} sha256=${root}`;
}

/** Undefined where no manifest has verified it. */
export function rootOf(identity: string): string | undefined {
  return ROOT.exec(identity)?.[1];
}

/** The identity of the source itself. */
export function withoutRoot(identity: string): string {
  return identity.replace(ROOT, "");
}
