/** What the server behind the proxy answered, whole. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** In order, as they were sent. Content-Length is always among them. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

export function headerIn({ headers }: Answer, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** The same with these headers instead of those it had; null takes one away. */
export function withHeaders(
  answer: Answer,
  changes: Readonly<Record<string, string | null>>,
): Answer {
  const kept = answer.headers.filter(([name]) => changes[name.toLowerCase()] === undefined);
  const set = Object.entries(changes).filter((pair): pair is [string, string] => pair[1] !== null);
  return { ...answer, headers: [...kept, ...set] };
}

/** The same with another body and its length. */
export function withBody(answer: Answer, body: Uint8Array): Answer {
  return { ...withHeaders(answer, { "content-length": `${body.length}` }), body };
}

/** An answer of this status, with a short text, and nothing that the server had said. */
export function plain(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = Buffer.from(`${status} as the proxy has it\n`);
  const all = Object.entries({ "content-length": `${body.length}`, ...headers });
  return { status, reason: "Faulty", headers: all, body };
}

/** The line and headers as they go out. */
export function headOf({ status, reason, headers }: Answer, version = "1.1"): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/${version} ${status} ${reason}\r\n${lines.join("")}\r\n`;
}

/** The part that the answer says it brings. */
export function partOf(answer: Answer): { start: number; end: number; total: number } {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headerIn(answer, "content-range") ?? "");
  const [, start, end, total] = (match ?? []).map(Number);
  return { start: start ?? 0, end: end ?? 0, total: total ?? 0 };
}
