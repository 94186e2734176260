/** What the origin does otherwise than a good server would. Every size is in bytes. */
export interface Behaviour {
  /** The blob's size, over the one in the URL. */
  size?: number;
  /** 0 by default. Another version has other bytes, another ETag and another date. */
  version?: number;
  /** From this byte of the object on, the bytes are of the next version: it changed in mid-body. */
  changeAt?: number;

  /** Over the ETag of the version; null is none. Preconditions are evaluated against it. */
  etag?: string | null;
  /** Over the date of the version; null is none. */
  lastModified?: string | null;
  /** Range is not understood: 200 with everything. */
  ignoreRange?: boolean;
  /** If-Match and If-Unmodified-Since are not understood. */
  ignorePreconditions?: boolean;

  /** An answer without the blob: this status, a short text for a body. */
  status?: number;
  /** Set after everything else, or with null removed. */
  headers?: Readonly<Record<string, string | null>>;
  /** What Content-Range says instead of the truth. */
  claim?: Readonly<{ start?: number; end?: number; total?: number | "*" }>;
  /** A redirect to there: a path, or a whole URL. The status is 302 unless given. */
  redirect?: string;

  /** No answer at all. */
  silence?: "reset" | "stall" | "end";
  /** The body breaks off after so many bytes of it. A reset may overtake the last of them. */
  cut?: Readonly<{ after: number; how: "reset" | "stall" | "end" }>;
  /** So many bytes follow the body, which Content-Length counts in. */
  surplus?: number;
  /** No Content-Length: the body comes with Transfer-Encoding: chunked. */
  chunked?: boolean;
  /** The body comes a few bytes at a time. */
  trickle?: Readonly<{ bytes: number; everyMs: number }>;

  /** Until the answer begins. */
  latencyMs?: number;
  /** Of each connection. */
  bytesPerSecond?: number;
}

/** When a behaviour applies. Where several rules of a path do, the later ones win. */
export interface Rule extends Behaviour {
  /** The first so many requests that match are not meant. Default 0. */
  skip?: number;
  /** How many requests it is for, after those skipped. Default: all. */
  times?: number;
  /** Only requests that match in every point. */
  only?: Readonly<{
    /** Has this header, in lower case. */
    header?: string;
    /** Has not this header. */
    without?: string;
    /** Range begins here. */
    start?: number;
  }>;
}

/** What of a request a rule can look at. */
export interface RequestTraits {
  readonly headers: Readonly<Record<string, string>>;
  /** Where its Range begins. */
  readonly start: number | undefined;
}

/** The rules of one path, with what is left of each. */
export class RuleList {
  readonly #rules: { readonly rule: Rule; seen: number }[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((rule) => ({ rule, seen: 0 }));
  }

  /** What applies to this request. Counts it. */
  take(request: RequestTraits): Behaviour {
    const behaviour: Behaviour = {};
    for (const entry of this.#rules) {
      if (!matches(entry.rule, request)) continue;
      entry.seen += 1;
      const { skip = 0, times = Number.POSITIVE_INFINITY, only: _, ...rest } = entry.rule;
      if (entry.seen > skip && entry.seen <= skip + times) Object.assign(behaviour, rest);
    }
    return behaviour;
  }
}

function matches({ only = {} }: Rule, { headers, start }: RequestTraits): boolean {
  if (only.header !== undefined && headers[only.header] === undefined) return false;
  if (only.without !== undefined && headers[only.without] !== undefined) return false;
  return only.start === undefined || only.start === start;
}
