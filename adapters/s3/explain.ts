import { type HttpExplanation, type HttpRefusal, headerOf } from "../http/index.ts";
import { meaningOf } from "./meanings.ts";

/** What an answer of S3's means, by the XML that it says it in. Undefined where there is none. */
export function explain(refusal: HttpRefusal): HttpExplanation | undefined {
  const { body } = refusal;
  if (!/<Error[\s>]/.test(body)) return undefined;
  const code = elementOf(body, "Code");
  if (code === undefined || !/^[\w.-]{1,100}$/.test(code)) return undefined;
  const said = elementOf(body, "Message") ?? "";
  const region = headerOf(refusal, "x-amz-bucket-region") ?? elementOf(body, "Region");
  return meaningOf({ code, said, region: /^[\w-]+$/.test(region ?? "") ? region : undefined });
}

function elementOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
};
