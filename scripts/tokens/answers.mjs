import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

// Recorded answers of vendors that are text and nothing else, with the output tokens the vendor counted. What the
// vendor's tokenizer makes of the text is the only thing in which the two can differ, but for a token or two of framing.

/** @typedef {{ model: string, text: string, tokens: number }} Answer */

/** Recordings that were cut short for a test show a fraction of what was counted: no two vocabularies differ so much. */
const ABRIDGED = 1.8;
/** Characters of English a token has on average in every current vocabulary, about. */
const CHARACTERS = 4;
/** Answers shorter than this say more about a vendor's framing than about its vocabulary. */
const MIN_TOKENS = 25;

/** @returns {Answer[]} */
export function recordedAnswers(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(json|chunks\.txt)$/.test(name));
  const answers = names.sort().flatMap((name) => {
    const content = readFileSync(path.join(folder, name), 'utf8');
    const answer = name.endsWith('.json') ? whole(parsed(content)) : streamed(content.split('\n').filter(Boolean).map(parsed));
    return answer?.model && answer.tokens >= MIN_TOKENS && answer.text.length * ABRIDGED > answer.tokens * CHARACTERS
      ? [{ name, ...answer }]
      : [];
  });
  // The same answer is often recorded whole and as a stream.
  const seen = new Set();
  return answers.filter(({ text }) => !seen.has(text) && seen.add(text));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function whole(body) {
  if (Array.isArray(body?.choices)) return chat(body.model, body.choices[0]?.message ?? {}, body.usage);
  if (body?.type === 'message') return anthropic(body.model, body.content, body.usage);
  if (Array.isArray(body?.candidates)) return gemini(body.modelVersion, body.candidates[0]?.content?.parts ?? [], body.usageMetadata);
  if (body?.object === 'interaction') return interaction(body);
  if (body?.message?.role === 'assistant') return cohere(body.message, body.usage);
  return undefined;
}

function streamed(events) {
  if (events.some((event) => Array.isArray(event?.choices))) {
    const message = { content: '', reasoning_content: '' };
    let usage;
    for (const event of events) {
      usage = event?.usage ?? event?.x_groq?.usage ?? usage;
      const delta = event?.choices?.[0]?.delta ?? {};
      if (delta.tool_calls?.length > 0) return undefined;
      if (typeof delta.content === 'string') message.content += delta.content;
      else if (delta.content) return undefined;
      message.reasoning_content += delta.reasoning_content ?? delta.reasoning ?? '';
    }
    return chat(events.find((event) => event?.model)?.model, message, usage);
  }
  if (events[0]?.type === 'message_start') {
    if (events.filter((event) => event?.type === 'message_start').length > 1) return undefined;
    const blocks = events.filter((event) => event?.type === 'content_block_start').map((event) => ({ ...event.content_block }));
    for (const event of events) {
      if (event?.type === 'content_block_delta' && event.delta.type === 'text_delta') {
        const block = blocks[event.index];
        if (block === undefined) return undefined;
        block.text = (block.text ?? '') + event.delta.text;
      }
    }
    return anthropic(events[0].message.model, blocks, events.findLast((event) => event?.type === 'message_delta')?.usage);
  }
  if (events.some((event) => Array.isArray(event?.candidates))) {
    const parts = events.flatMap((event) => event?.candidates?.[0]?.content?.parts ?? []);
    return gemini(events[0].modelVersion, parts, events.findLast((event) => event?.usageMetadata)?.usageMetadata);
  }
  return undefined;
}

function chat(model, message, usage) {
  if (usage === undefined || message.tool_calls?.length > 0 || typeof message.content !== 'string') return undefined;
  const reasoning = message.reasoning_content ?? message.reasoning ?? '';
  const hidden = usage.completion_tokens_details?.reasoning_tokens ?? 0;
  // xAI counts reasoning beside the completion, the others within it; reasoning nobody shows cannot be counted.
  if (reasoning === '') return { model, text: message.content, tokens: (usage.completion_tokens ?? 0) - hidden };
  const within = usage.total_tokens === usage.prompt_tokens + usage.completion_tokens;
  return { model, text: reasoning + message.content, tokens: usage.completion_tokens + (within ? 0 : hidden) };
}

function anthropic(model, content, usage) {
  // Thinking is shown as a summary, and citations are billed but not shown.
  if (content.some((block) => block.type !== 'text' || block.citations)) return undefined;
  return { model, text: content.map((block) => block.text).join(''), tokens: usage?.output_tokens ?? 0 };
}

function gemini(model, parts, usage) {
  if (parts.some((part) => typeof part.text !== 'string')) return undefined;
  const spoken = parts.filter((part) => part.thought !== true);
  return { model, text: spoken.map((part) => part.text).join(''), tokens: usage?.candidatesTokenCount ?? 0 };
}

/** Gemini's Interactions API; only the final text of one that called no tools counts as output. */
function interaction({ model, steps, usage }) {
  const spoken = steps.filter((step) => step.type === 'model_output').flatMap((step) => step.content);
  if (steps.some((step) => step.type === 'function_call') || spoken.some((part) => part.type !== 'text')) return undefined;
  return { model, text: spoken.map((part) => part.text).join(''), tokens: usage.total_output_tokens };
}

function cohere(message, usage) {
  const content = message.content ?? [];
  if (message.tool_calls || message.citations || content.some((part) => part.type !== 'text')) return undefined;
  return { model: 'command', text: content.map((part) => part.text).join(''), tokens: usage?.tokens?.output_tokens ?? 0 };
}
