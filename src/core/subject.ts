import type { Chat, Message, Part } from './chat.ts';
import type { Canon, Exchange } from './exchange.ts';
import { isObject, type Json, parseJson } from './json.ts';
import { hashOf } from './stable-hash.ts';

/** What a setting that names a subject may hold. */
export const subjectPattern =
  /^(?:user|session|key|app|conversation|metadata\.[^\s.][^\s]{0,127}|header\.[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128})$/;

/** The sentence for settings that do not, and for who describes them. */
export const subjectForms = 'user, session, key, app, conversation, metadata.<name> or header.<name>';

type LlmCall = Canon['llm']['call'];

/** No name of a user or a session that means one is longer. */
const LONGEST = 512;

/**
 * Whom or what a call belongs to, by one of the forms of `subjectPattern`: the same text for all calls of the same user,
 * session, …, and never the same for those of two organisations. `undefined` where the call does not say. What a caller
 * says of itself is believed: it may choose its place in an ordering, and nothing more may hang on it. Never throws.
 */
export function subjectOf(by: string, call: LlmCall, exchange: Exchange): string | undefined {
  const value = saidBy(by, call, exchange);
  return value === undefined || value === '' ? undefined : `${by} ${exchange.who.org} ${value.slice(0, LONGEST)}`;
}

function saidBy(by: string, call: LlmCall, exchange: Exchange): string | undefined {
  const { who } = exchange;
  if (by === 'user') return userOf(call, exchange);
  if (by === 'session') return sessionOf(call, exchange);
  if (by === 'key') return who.keyId;
  if (by === 'app') return who.app;
  if (by === 'conversation') return conversationOf(call);
  if (by.startsWith('metadata.')) return metadataOf(by.slice('metadata.'.length), call, exchange);
  if (by.startsWith('header.') && subjectPattern.test(by)) return call.headers.get(by.slice('header.'.length)) ?? undefined;
  return undefined;
}

/** `safety_identifier` is OpenAI's name for what was `user`. */
const userOf = (call: LlmCall, { user, who }: Exchange): string | undefined =>
  first(user, who.user, field(call, 'user'), field(call, 'safety_identifier')) ?? sdkUser(call).user;

/** Names of a session besides those that name a run: Claude Code's, Codex's, and OpenCode's. */
const SESSION_HEADERS = ['x-claude-code-session-id', 'session-id', 'session_id', 'x-session-affinity'];

function sessionOf(call: LlmCall, { run }: Exchange): string | undefined {
  const named = run ?? first(...SESSION_HEADERS.map((name) => call.headers.get(name)));
  return (
    named ??
    first(field(call, 'prompt_cache_key'), conversationId(call), memberOf(field(call, 'metadata'), 'session_id')) ??
    sdkUser(call).session
  );
}

/**
 * Anthropic's `metadata.user_id`. Claude Code writes its session into it, as `user_…_account_…_session_…` or as the text
 * of an object: for a user who is to be the same in all sessions it is taken apart.
 */
function sdkUser(call: LlmCall): { readonly user?: string; readonly session?: string } {
  const id = memberOf(field(call, 'metadata'), 'user_id');
  if (typeof id !== 'string' || id === '') return {};
  const parts = id.startsWith('{') ? parseJson(id) : undefined;
  if (isObject(parts)) {
    const user = first(parts.account_uuid, parts.device_id);
    const session = first(parts.session_id);
    return { ...(user === undefined ? {} : { user }), ...(session === undefined ? {} : { session }) };
  }
  const [user = id, session] = id.split('_session_', 2);
  return { user, ...(session === undefined ? {} : { session }) };
}

/** What the exchange is attributed to, and else what the body says. */
const metadataOf = (name: string, call: LlmCall, { metadata, who }: Exchange): string | undefined =>
  first(memberOf(metadata ?? who.metadata, name), memberOf(field(call, 'metadata'), name));

/** A Responses call may name its conversation, by an id or as an object with one. */
function conversationId(call: LlmCall): Json | undefined {
  const conversation = field(call, 'conversation');
  return isObject(conversation) ? conversation.id : conversation;
}

/** By what a conversation begins with, which each of its turns brings again. */
function conversationOf(call: LlmCall): string | undefined {
  const id = first(conversationId(call));
  if (id !== undefined) return id;
  const chat = chatOf(call);
  const at = chat?.messages.findIndex(({ role }) => role === 'user') ?? -1;
  if (chat === undefined || at < 0) return undefined;
  return hashOf(
    chat.messages
      .slice(0, at + 1)
      .map(beginningOf)
      .join('\n'),
  );
}

/** Characters of one text that are looked at: enough to tell conversations apart, whatever is pasted into them. */
const LOOKED_AT = 16_384;

/** Claude Code writes it before its instructions, and its end changes with each request. */
const CHANGING = 'x-anthropic-billing-header:';

function beginningOf({ role, content }: Message): string {
  return `${role === 'user' ? 'user' : 'system'}:${content.map(partOf).join('|')}`;
}

function partOf(part: Part): string {
  if (part.type === 'text') return part.text.startsWith(CHANGING) ? '' : `${part.text.length}:${part.text.slice(0, LOOKED_AT)}`;
  if (part.type === 'audio') return `audio ${part.data.length}:${part.data.slice(0, LOOKED_AT)}`;
  if (part.type !== 'image' && part.type !== 'file') return part.type;
  const { source } = part;
  const said = source.kind === 'url' ? source.url : source.kind === 'file' ? source.id : source.kind === 'text' ? source.text : source.data;
  return `${part.type} ${said.length}:${said.slice(0, LOOKED_AT)}`;
}

/** A call that cannot be read is its provider's to refuse. */
export function chatOf(call: LlmCall): Chat | undefined {
  try {
    return call.dialect === undefined ? undefined : call.chat();
  } catch {
    return undefined;
  }
}

function field(call: LlmCall, name: string): Json | undefined {
  try {
    return call.wire.fields.get(name);
  } catch {
    return undefined;
  }
}

const memberOf = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** The first that says something, as text. */
function first(...values: readonly (Json | undefined)[]): string | undefined {
  const value = values.find((each) => (typeof each === 'string' && each !== '') || typeof each === 'number' || typeof each === 'boolean');
  return value === undefined ? undefined : String(value);
}
