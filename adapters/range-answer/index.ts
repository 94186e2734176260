export { type Answer, type AnswerRequest, answerTo } from "./answer.ts";
export { bodyOf } from "./body.ts";
export type { HeaderOf } from "./preconditions.ts";
export type { ServedBlob } from "./served-blob.ts";
