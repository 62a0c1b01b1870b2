import type { ChatChunk, FinishReason, Usage } from '../../src/core/chat.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { type Json, parseJson } from '../../src/core/json.ts';

/** What a person would say that an answer says. */
export interface Summary {
  readonly text: string;
  readonly thinking: string;
  /** Arguments parsed; as text where they are no JSON. */
  readonly toolCalls: readonly { readonly name: string; readonly arguments: Json }[];
  readonly finish: FinishReason | null;
  readonly usage: Usage | null;
  /** The names of content that only its own dialect understands, in the order in which they first came. */
  readonly other: readonly string[];
  readonly error: ErrorCode | null;
  /** Whether the answer was said to be complete. */
  readonly ended: boolean;
}

export function summarise(chunks: readonly ChatChunk[]): Summary {
  const of = <Type extends ChatChunk['type']>(type: Type) =>
    chunks.filter((chunk): chunk is Extract<ChatChunk, { readonly type: Type }> => chunk.type === type);
  const inputs = of('tool-input');
  const inputOf = (part: number) =>
    inputs
      .filter((input) => input.part === part)
      .map(({ text }) => text)
      .join('');
  return {
    text: [...of('text'), ...of('refusal')].map(({ text }) => text).join(''),
    thinking: of('thinking')
      .map(({ text }) => text)
      .join(''),
    toolCalls: of('tool-call').map(({ name, part }) => ({ name, arguments: parseJson(inputOf(part)) ?? inputOf(part) })),
    finish: of('finish').at(-1)?.reason ?? null,
    usage: of('usage').at(-1)?.usage ?? null,
    other: [...new Set(of('raw').map(({ name }) => name))],
    error: of('error').at(-1)?.error.code ?? null,
    ended: chunks.at(-1)?.type === 'end',
  };
}
