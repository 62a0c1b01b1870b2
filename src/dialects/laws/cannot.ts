import type { Chat, FinishReason, Issuer, Message, Part, Tool, ToolChoice, Usage } from '../../core/chat.ts';

// Instruments for tests. Production code must not import this file.

/** What a dialect has no words for, of that which the others share. Each is named as a loss where it is written. */
type Unsaid =
  | 'image-url'
  | 'image'
  | 'file'
  /** Two files of one name are told apart by another. */
  | 'same-file-names'
  | 'calls-without-tools'
  | 'tool-choice-none'
  | 'tool-choice-named'
  | 'tool-choice'
  | 'parallel-tool-calls'
  | 'tool-strict'
  | 'tools'
  | 'user'
  | 'stop'
  /** An answer that its provider gave up is a failed one, and no answer. */
  | 'finish-error'
  /** That tools were called is told by the calls alone. */
  | 'finish-calls'
  /** Several texts of a tool's result are one. */
  | 'result-texts'
  /** Thoughts that follow one another are one, save where one ends in its signature. */
  | 'separate-thoughts'
  /** All there is, is one text of the user's. */
  | 'conversation'
  | 'reasoning-usage'
  | 'cache-usage'
  | 'cache-write-usage'
  /** Thinking is one plain text, without signatures. */
  | 'signatures'
  | 'thinking';

export const cannot: { readonly [dialect: string]: readonly Unsaid[] } = {
  'openai-responses': ['stop', 'finish-error', 'finish-calls'],
  ollama: [
    'separate-thoughts',
    'image-url',
    'file',
    'tool-choice',
    'parallel-tool-calls',
    'tool-strict',
    'user',
    'result-texts',
    'reasoning-usage',
    'cache-usage',
    'cache-write-usage',
    'signatures',
  ],
  cohere: ['file', 'tool-choice-named', 'parallel-tool-calls', 'tool-strict', 'user', 'reasoning-usage', 'cache-write-usage', 'signatures'],
  'openai-completions': ['conversation', 'image', 'file', 'tools', 'tool-choice', 'parallel-tool-calls', 'thinking'],
  gemini: ['separate-thoughts', 'parallel-tool-calls', 'tool-strict', 'user', 'cache-write-usage'],
  bedrock: ['image-url', 'same-file-names', 'calls-without-tools', 'tool-choice-none', 'parallel-tool-calls', 'user', 'reasoning-usage'],
};

const omitted = (dialects: readonly { readonly id: string }[]) => new Set(dialects.flatMap(({ id }) => cannot[id] ?? []));

function isUnsaid(part: Part, unsaid: ReadonlySet<Unsaid>): boolean {
  if (part.type === 'file') return unsaid.has('file');
  return part.type === 'image' && (unsaid.has('image') || (unsaid.has('image-url') && part.source.kind === 'url'));
}

/** Whether a choice among tools has no words there. */
function isUnsaidChoice({ mode }: ToolChoice, unsaid: ReadonlySet<Unsaid>): boolean {
  if (unsaid.has('tool-choice')) return true;
  return mode === 'none' ? unsaid.has('tool-choice-none') : mode === 'tool' && unsaid.has('tool-choice-named');
}

const textOf = (parts: readonly Part[]) => parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');

/** A tool's result with one text. */
const joined = (part: Part): Part =>
  part.type === 'tool-result' ? { ...part, content: [{ type: 'text', text: textOf(part.content) }] } : part;

/** A file under a name that none before it has. */
function ownName(part: Part, names: Set<string>): Part {
  if (part.type !== 'file' || part.name === undefined) return part;
  const name = names.has(part.name) ? `${names.size}-${part.name}` : part.name;
  names.add(name);
  return { ...part, name };
}

/** The last that the user said, as one text. */
const lastText = (messages: readonly Message[]): readonly Message[] => [
  { role: 'user', content: [{ type: 'text', text: textOf(messages.at(-1)?.content ?? []) || '.' }] },
];

/** The call without what one of these dialects cannot say. */
export function sayable(chat: Chat, ...dialects: readonly { readonly id: string }[]): Chat {
  const unsaid = omitted(dialects);
  const { toolChoice, parallelToolCalls, user, stop, ...others } = chat;
  const names = new Set<string>();
  const content = (parts: readonly Part[]) => {
    const kept = parts.filter((part) => !isUnsaid(part, unsaid));
    if (kept.length === 0) return [{ type: 'text' as const, text: 'An image.' }];
    const named = unsaid.has('same-file-names') ? kept.map((part) => ownName(part, names)) : kept;
    return unsaid.has('result-texts') ? named.map(joined) : named;
  };
  const messages = chat.messages.map((message) => ({ ...message, content: content(message.content) }));
  const tools = unsaid.has('calls-without-tools') && chat.tools.length === 0 ? calledTools(chat) : chat.tools;
  return {
    ...others,
    tools: unsaid.has('tools') ? [] : unsaid.has('tool-strict') ? tools.map(withoutStrict) : tools,
    messages: unsaid.has('conversation') ? lastText(messages) : messages,
    ...(toolChoice !== undefined && !isUnsaidChoice(toolChoice, unsaid) && { toolChoice }),
    ...(parallelToolCalls !== undefined && !unsaid.has('parallel-tool-calls') && { parallelToolCalls }),
    ...(user !== undefined && !unsaid.has('user') && { user }),
    ...(stop !== undefined && !unsaid.has('stop') && { stop }),
  };
}

/**
 * The call without what this dialect says otherwise and loses nothing by it, so that nothing is named: defaults that are
 * written out (tools in parallel, schemas that are not strict), and where one thought or text of a result ends and the
 * next begins. What is signed by nobody counts as its own.
 */
export function defaulted(chat: Chat, dialect: { readonly id: string; readonly issuer: Issuer }): Chat {
  const unsaid = omitted([dialect]);
  const { parallelToolCalls, ...others } = chat;
  const isDefault = parallelToolCalls === undefined || (parallelToolCalls && unsaid.has('parallel-tool-calls'));
  const loosened = (tool: Tool) => (tool.type === 'function' && tool.strict === false ? withoutStrict(tool) : tool);
  return {
    ...others,
    messages: chat.messages.map((message) => {
      const content = message.content.map((part) => issued(part, dialect.issuer));
      const said = unsaid.has('separate-thoughts') ? withoutGaps(content) : content;
      return { ...message, content: unsaid.has('result-texts') ? said.map(joined) : said };
    }),
    tools: unsaid.has('tool-strict') ? chat.tools.map(loosened) : chat.tools,
    ...(isDefault ? {} : { parallelToolCalls }),
  };
}

function issued(part: Part, issuer: Issuer): Part {
  if (part.type === 'redacted-thinking') return { issuer, ...part };
  return part.type === 'thinking' && part.signature !== undefined ? { issuer, ...part } : part;
}

/** Each thought with those before it that have no signature. */
function withoutGaps(content: readonly Part[]): readonly Part[] {
  const parts: Part[] = [];
  for (const part of content) {
    const last = parts.at(-1);
    if (last?.type !== 'thinking' || last.signature !== undefined || part.type !== 'thinking') parts.push(part);
    else parts[parts.length - 1] = { ...part, text: last.text + part.text };
  }
  return parts;
}

function withoutStrict(tool: Tool): Tool {
  if (tool.type === 'raw') return tool;
  const { strict: _, ...others } = tool;
  return others;
}

const calledTools = ({ messages }: Chat): readonly Tool[] => {
  const names = messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'tool-call' ? [part.name] : [])));
  return [...new Set(names)].map((name) => ({ type: 'function', name, parameters: { type: 'object' } }));
};

/** The answer with an end that all of these dialects can say. */
export function sayableAnswer<Answer extends { readonly reason: FinishReason; readonly calls: readonly object[] }>(
  answer: Answer,
  ...dialects: readonly { readonly id: string }[]
): Answer {
  const unsaid = omitted(dialects);
  const reason = answer.reason === 'error' && unsaid.has('finish-error') ? 'other' : answer.reason;
  if (!unsaid.has('finish-calls') || !COMPLETE.has(reason)) return { ...answer, reason };
  return { ...answer, reason: answer.calls.length > 0 ? 'tool-calls' : 'stop' };
}

const COMPLETE: ReadonlySet<FinishReason> = new Set(['stop', 'stop-sequence', 'pause', 'other', 'tool-calls']);

/** The counts that all of these dialects can say. */
export function sayableUsage(usage: Usage | undefined, ...dialects: readonly { readonly id: string }[]): Usage | undefined {
  const unsaid = omitted(dialects);
  if (usage === undefined) return usage;
  const { reasoning, cacheRead, cacheWrite, ...others } = usage;
  return {
    ...others,
    ...(reasoning !== undefined && !unsaid.has('reasoning-usage') && { reasoning }),
    ...(cacheRead !== undefined && !unsaid.has('cache-usage') && { cacheRead }),
    ...(cacheWrite !== undefined && !unsaid.has('cache-write-usage') && { cacheWrite }),
  };
}

interface Thought {
  readonly text: string;
  readonly signature?: string;
  readonly data?: string;
}

/** The thinking that all of these dialects can show. */
export function sayableThinking(thinking: readonly Thought[], ...dialects: readonly { readonly id: string }[]): readonly Thought[] {
  const unsaid = omitted(dialects);
  if (unsaid.has('thinking')) return [];
  if (!unsaid.has('signatures')) return thinking;
  const text = thinking.map((thought) => thought.text).join('');
  return text === '' ? [] : [{ text }];
}

export const canCall = (...dialects: readonly { readonly id: string }[]): boolean => !omitted(dialects).has('tools');
