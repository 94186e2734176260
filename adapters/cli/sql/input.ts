import { type Entry, Script } from "./script.ts";

/** What is asked for in a stream, each as soon as it is complete. */
export async function* entriesFrom(
  stream: NodeJS.ReadableStream,
): AsyncGenerator<Entry, void, undefined> {
  const script = new Script();
  let rest = "";
  stream.setEncoding("utf8");
  for await (const piece of stream) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield* script.push(line.replace(/\r$/, ""));
  }
  yield* script.push(rest);
  yield* script.finish();
}
